#include "client/check/output/scorecard.hpp"

#include "client/check/hints.hpp"
#include "client/check/output/xml_escaped.hpp"
#include "common/escaped.hpp"
#include "common/terminal_width.hpp"
#include "common/wrap_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace parley {

namespace {

std::size_t text_width() { return std::clamp<std::size_t>(columns_of(STDOUT_FILENO), 60, 100); }

/// Returns a paragraph with a label, indented.
std::string paragraph(std::string_view label, std::string_view text) {
    constexpr std::size_t indent = 14;
    return fmt::format("    {:<10}{}\n", label, wrap_text(terminal_safe(text), text_width(), indent));
}

std::string time_line_text(const std::vector<time_line_entry>& entries) {
    constexpr std::size_t shown = 8; // the last steps are those that matter
    std::string text;
    const auto begin = entries.size() > shown ? entries.size() - shown : 0;
    for (std::size_t i = begin; i != entries.size(); ++i)
        text += fmt::format("{}{} ms {}", text.empty() ? (begin ? "... " : "") : "; ", entries[i].at.count(),
                            entries[i].text);
    return text;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) all += (all.empty() ? "" : ", ") + text;
    return all;
}

/// Returns the failure with its cause, and the other checks that failed for the same cause.
std::string failure_text(const check_outcome& failure, const std::vector<check_outcome>& outcomes) {
    const auto& hint = hint_of(failure.hint);
    auto text = fmt::format("  FAILED  {}\n", failure.check->sentence);
    text += paragraph("came", failure.text);
    if (!failure.time_line.empty()) text += paragraph("done", time_line_text(failure.time_line));
    if (!failure.facts.empty()) text += paragraph("server", joined(failure.facts));
    text += paragraph("usually", hint.cause);
    text += paragraph("in C", hint.c);
    text += paragraph("in Python", hint.python);
    text += paragraph("read", hint.read);
    for (const auto& other : outcomes)
        if (other.told_with == failure.check->id) text += paragraph("also", other.check->sentence);
    return text + '\n';
}

/// Returns what a failure means, in one line.
std::string explanation(const check_outcome& outcome) {
    const auto& hint = hint_of(outcome.hint);
    return fmt::format("{} C: {}. Python: {}. Read: {}.", hint.cause, hint.c, hint.python, hint.read);
}

} // namespace

std::string_view name_of(verdict verdict) {
    switch (verdict) {
    case verdict::passed: return "passed";
    case verdict::failed: return "failed";
    case verdict::skipped: return "skipped";
    case verdict::not_sure: return "not sure";
    }
    return "?";
}

int scorecard::count(verdict verdict) const {
    return static_cast<int>(std::ranges::count(outcomes, verdict, &check_outcome::is));
}

std::string text_of(const scorecard& scorecard) {
    auto text = wrap_text(fmt::format("parley-check: {}, profile {}, level {}", terminal_safe(scorecard.server),
                                      scorecard.profile, scorecard.level),
                          text_width(), 2) +
                '\n';
    if (!scorecard.assumptions.empty()) text += wrap_text(scorecard.assumptions, text_width()) + '\n';
    text += '\n';
    for (const auto& outcome : scorecard.outcomes)
        if (outcome.is == verdict::failed && outcome.told_with.empty())
            text += failure_text(outcome, scorecard.outcomes);
    std::string_view family;
    for (const auto& outcome : scorecard.outcomes) {
        if (family != outcome.family) text += fmt::format("{}\n", family = outcome.family);
        text += fmt::format("  {:<9} {}\n", name_of(outcome.is), outcome.check->sentence);
        if (outcome.is != verdict::failed && !outcome.text.empty())
            text += wrap_text("            " + terminal_safe(outcome.text), text_width(), 12) + '\n';
        if (outcome.survivors > 0)
            text += fmt::format("            {} processes of the server were left, and were ended\n",
                                outcome.survivors);
    }
    return text + fmt::format("\n{} passed, {} failed, {} skipped, {} not sure\n",
                              scorecard.count(verdict::passed), scorecard.count(verdict::failed),
                              scorecard.count(verdict::skipped), scorecard.count(verdict::not_sure));
}

nlohmann::json json_of(const scorecard& scorecard) {
    auto checks = nlohmann::json::array();
    for (const auto& outcome : scorecard.outcomes) {
        nlohmann::json entry{{"id", outcome.check->id},        {"sentence", outcome.check->sentence},
                             {"family", outcome.family},       {"result", name_of(outcome.is)},
                             {"text", outcome.text},           {"survivors", outcome.survivors},
                             {"time_ms", outcome.time.count()}};
        if (outcome.is == verdict::failed) {
            const auto& hint = hint_of(outcome.hint);
            auto steps = nlohmann::json::array();
            for (const auto& step : outcome.time_line)
                steps.push_back({{"at_ms", step.at.count()}, {"step", step.text}});
            entry["time_line"] = std::move(steps);
            entry["facts"] = outcome.facts;
            entry["hint"] = {{"id", hint.id},
                             {"cause", hint.cause},
                             {"c", hint.c},
                             {"python", hint.python},
                             {"read", hint.read}};
            entry["told_with"] =
                outcome.told_with.empty() ? nlohmann::json{} : nlohmann::json{outcome.told_with};
        }
        checks.push_back(std::move(entry));
    }
    return {{"schema", "parley-check/1"},
            {"parley", PARLEY_VERSION},
            {"server", scorecard.server},
            {"profile", scorecard.profile},
            {"level", scorecard.level},
            {"passed", scorecard.count(verdict::passed)},
            {"failed", scorecard.count(verdict::failed)},
            {"skipped", scorecard.count(verdict::skipped)},
            {"not_sure", scorecard.count(verdict::not_sure)},
            {"checks", std::move(checks)}};
}

std::string junit_of(const scorecard& scorecard) {
    auto text = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                            "<testsuite name=\"parley-check\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
                            scorecard.outcomes.size(), scorecard.count(verdict::failed),
                            scorecard.count(verdict::skipped) + scorecard.count(verdict::not_sure));
    for (const auto& outcome : scorecard.outcomes) {
        text += fmt::format("  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\">",
                            xml_escaped(outcome.family), xml_escaped(outcome.check->sentence),
                            std::chrono::duration<double>(outcome.time).count());
        if (outcome.is == verdict::failed)
            text += fmt::format("<failure message=\"{}\">{}</failure>", xml_escaped(outcome.text),
                                xml_escaped(explanation(outcome)));
        else if (outcome.is != verdict::passed)
            text +=
                fmt::format("<skipped message=\"{}: {}\"/>", name_of(outcome.is), xml_escaped(outcome.text));
        text += "</testcase>\n";
    }
    return text + "</testsuite>\n";
}

std::string tap_of(const scorecard& scorecard) {
    auto text = fmt::format("TAP version 13\n1..{}\n", scorecard.outcomes.size());
    std::size_t number = 0;
    for (const auto& outcome : scorecard.outcomes) {
        const bool failed = outcome.is == verdict::failed;
        text += fmt::format("{} {} - {}", failed ? "not ok" : "ok", ++number, outcome.check->sentence);
        if (outcome.is == verdict::skipped || outcome.is == verdict::not_sure)
            text += fmt::format(" # SKIP {}: {}", name_of(outcome.is), escaped(outcome.text));
        text += '\n';
        if (failed) text += fmt::format("# {}\n# {}\n", escaped(outcome.text), explanation(outcome));
    }
    return text;
}

} // namespace parley
