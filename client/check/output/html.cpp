#include "client/check/output/html.hpp"

#include "client/check/hints.hpp"
#include "client/check/output/xml_escaped.hpp"

#include <fmt/format.h>

namespace parley {

namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --ink: #1c2024; --soft: #5d646c; --line: #e2dfd8;
  --faint: #f1efea; --good: #17714f; --bad: #b3401a; --unsure: #7a5c00; --accent: #0b5fa5; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1c2026; --ink: #e9ebee; --soft: #a2aab4;
  --line: #2e343c; --faint: #232830; --good: #5ac79b; --bad: #f0906a; --unsure: #d8b44a; --accent: #6cb4f2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 ui-sans-serif, system-ui, "Noto Sans", "DejaVu Sans", Arial, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; }
h2 { margin: 2rem 0 .75rem; font-size: 1.15rem; }
h3 { margin: 0 0 .75rem; font-size: 1.05rem; color: var(--bad); }
code, .time td, .came { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .875em; }
.soft { color: var(--soft); margin: .25rem 0; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; padding: 0; list-style: none; }
.counts li { padding: .3rem .9rem; border: 1px solid var(--line); border-radius: 999px; background: var(--card); }
.counts b { font-size: 1.15em; }
.card { margin: 0 0 1rem; padding: 1rem 1.25rem; border: 1px solid var(--line); border-left: 4px solid var(--bad);
  border-radius: 6px; background: var(--card); overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: 6.5rem 1fr; gap: .35rem 1rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; }
table { width: 100%; border-collapse: collapse; }
td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { width: 6.5rem; white-space: nowrap; }
.time td { padding: .1rem .6rem .1rem 0; border: 0; }
.time td:first-child { width: 5.5rem; color: var(--soft); text-align: right; }
.passed { color: var(--good); }
.failed { color: var(--bad); font-weight: 600; }
.skipped { color: var(--soft); }
.not-sure { color: var(--unsure); }
details summary { cursor: pointer; color: var(--accent); }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --good: #0b4d34;
  --bad: #8f2a0a; --accent: #000; } body { padding: 0; font-size: 10.5pt; }
  .card, tr { break-inside: avoid; } h2 { break-after: avoid; } }
)";

/// Returns the class of CSS: the name of the verdict without a space.
std::string class_of(verdict verdict) {
    return verdict == verdict::not_sure ? "not-sure" : std::string{name_of(verdict)};
}

std::string entry(std::string_view term, std::string_view text, std::string_view css = "") {
    return fmt::format("<dt>{}</dt><dd{}>{}</dd>\n", term, css, xml_escaped(text));
}

std::string time_line_of(const check_outcome& failure) {
    std::string rows;
    for (const auto& step : failure.time_line)
        rows += fmt::format("<tr><td>{} ms</td><td>{}</td></tr>\n", step.at.count(), xml_escaped(step.text));
    return rows.empty() ? rows : "<dt>Done</dt><dd><table class=\"time\">\n" + rows + "</table></dd>\n";
}

std::string card_of(const check_outcome& failure, const scorecard& scorecard) {
    const auto& hint = hint_of(failure.hint);
    auto text = fmt::format("<section class=\"card\" id=\"{}\">\n<h3>Not true: {}</h3>\n<dl>\n",
                            failure.check->id, xml_escaped(failure.check->sentence));
    text += entry("Came", failure.text, " class=\"came\"") + time_line_of(failure);
    std::string facts;
    for (const auto& fact : failure.facts) facts += (facts.empty() ? "" : ", ") + fact;
    if (!facts.empty()) text += entry("Server", facts);
    text += entry("Usually", hint.cause) + entry("In C", hint.c) + entry("In Python", hint.python) +
            entry("Read", hint.read);
    for (const auto& other : scorecard.outcomes)
        if (other.told_with == failure.check->id) text += entry("Also not true", other.check->sentence);
    return text + "</dl>\n</section>\n";
}

std::string row_of(const check_outcome& outcome) {
    auto text = xml_escaped(outcome.check->sentence);
    const auto& told_at = outcome.told_with.empty() ? std::string{outcome.check->id} : outcome.told_with;
    if (outcome.is == verdict::failed)
        text = fmt::format("<a class=\"failed\" href=\"#{}\">{}</a>", told_at, text);
    else if (!outcome.text.empty())
        text += fmt::format("<div class=\"soft\">{}</div>", xml_escaped(outcome.text));
    return fmt::format("<tr><td class=\"{}\">{}</td><td>{}</td></tr>\n", class_of(outcome.is),
                       name_of(outcome.is), text);
}

} // namespace

std::string html_of(const scorecard& scorecard) {
    auto page = fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                            "<title>parley-check: {}</title>\n<style>{}</style>\n</head>\n<body>\n",
                            xml_escaped(scorecard.server), style);
    page += fmt::format("<h1>parley-check</h1>\n<p><code>{}</code></p>\n"
                        "<p class=\"soft\">Profile {}, level {}. {}</p>\n<ul class=\"counts\">\n",
                        xml_escaped(scorecard.server), xml_escaped(scorecard.profile),
                        xml_escaped(scorecard.level), xml_escaped(scorecard.assumptions));
    for (const auto verdict : {verdict::passed, verdict::failed, verdict::skipped, verdict::not_sure})
        page += fmt::format("<li class=\"{}\"><b>{}</b> {}</li>\n", class_of(verdict), scorecard.count(verdict),
                            name_of(verdict));
    page += "</ul>\n";
    if (!scorecard.has_passed()) page += "<h2>What is wrong</h2>\n";
    for (const auto& outcome : scorecard.outcomes)
        if (outcome.is == verdict::failed && outcome.told_with.empty()) page += card_of(outcome, scorecard);
    std::string_view family;
    for (const auto& outcome : scorecard.outcomes) {
        if (family != outcome.family)
            page += fmt::format("{}<h2>{}</h2>\n<table>\n", family.empty() ? "" : "</table>\n",
                                xml_escaped(outcome.family));
        family = outcome.family;
        page += row_of(outcome);
    }
    return page + (family.empty() ? "" : "</table>\n") +
           fmt::format("<p class=\"soft\">parley {}</p>\n</body>\n</html>\n", PARLEY_VERSION);
}

} // namespace parley
