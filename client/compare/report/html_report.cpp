#include "client/compare/report/html_report.hpp"

#include "client/compare/analysis/answers.hpp"
#include "client/compare/analysis/capacity.hpp"
#include "client/compare/analysis/claims.hpp"
#include "client/compare/analysis/explanation.hpp"
#include "client/compare/analysis/findings.hpp"
#include "client/compare/analysis/summary.hpp"
#include "client/compare/analysis/sweeps.hpp"
#include "client/compare/report/embedded.hpp"
#include "client/compare/report/model_cards.hpp"
#include "client/conversation/base64.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <string_view>

namespace parley {

namespace {

using json = nlohmann::ordered_json;

json json_of(const interval_estimate& estimate) {
    return {
        {"mean", estimate.mean}, {"low", estimate.low}, {"high", estimate.high}, {"values", estimate.values}};
}

json json_of(const std::vector<problem>& problems) {
    json list = json::array();
    for (const auto& problem : problems) list.push_back({{"text", problem.text}, {"rounds", problem.rounds}});
    return list;
}

json json_of(const row& row) {
    json values = json::object();
    for (const auto& [key, estimate] : row.values) values[std::string{key}] = json_of(estimate);
    return {{"name", row.name},
            {"served", row.served},
            {"left_cleanly", row.left_cleanly},
            {"problems", json_of(row.problems)},
            {"doubts", json_of(row.invalid)},
            {"values", values}};
}

json json_of(const section& section) {
    json rows = json::array();
    for (const auto& row : section.rows) rows.push_back(json_of(row));
    const auto x = x_of(section.load);
    return {{"workload", section.load.id},
            {"text", section.load.to_string()},
            {"place", x ? json(*x) : json()},
            {"ranked", section.ranked},
            {"rows", rows}};
}

json json_of(const answer& answer) {
    return {{"workload", answer.workload}, {"question", answer.question}, {"figure", answer.metric},
            {"best", answer.best},         {"headline", answer.headline}, {"margin", answer.margin},
            {"reason", answer.reason}};
}

json json_of(const capacity& capacity) {
    return {{"name", capacity.name},
            {"served", capacity.served},
            {"too_many", capacity.too_many},
            {"why", capacity.why}};
}

json json_of(const sweep& sweep) {
    return {
        {"question", sweep.question}, {"along", sweep.axis}, {"unit", sweep.unit}, {"figures", sweep.metrics}};
}

json json_of(const crossing& crossing) {
    return {{"question", crossing.question}, {"text", to_string(crossing)}};
}

json json_of(const claim& claim) {
    return {{"text", claim.text}, {"verdict", name_of(claim.is)}, {"evidence", claim.evidence}};
}

json json_of(const explanation& explanation) {
    return {
        {"contender", explanation.contender}, {"workload", explanation.workload}, {"text", explanation.text}};
}

json json_of(const card& card) {
    json answers = json::array();
    for (const auto& [key, value] : card.answers) answers.push_back({key, value});
    return {{"model", card.model}, {"summary", card.summary}, {"answers", answers}};
}

json json_of(const metric& metric) {
    return {{"key", metric.key},
            {"title", metric.title},
            {"unit", metric.unit},
            {"more", metric.is_higher_better()}};
}

/// Appends the JSON of each value to the array `list`.
void append(json& list, const auto& values) {
    for (const auto& value : values) list.push_back(json_of(value));
}

/// Escapes JSON for a script element, which "</script" ends and in which "<!--" and "<script" change the end
/// (HTML, 13.2.5.17). JSON has "<" only in strings, in which it may be escaped.
std::string json_for_script(const std::string& text) {
    std::string safe;
    for (const char character : text) character == '<' ? safe.append("\\u003c") : safe.append(1, character);
    return safe;
}

/// Escapes a script for a script element. The scripts of this report have "</" only in strings.
std::string code_for_script(std::string text) {
    for (auto at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3))
        text.replace(at, 2, "<\\/");
    return text;
}

/// Returns the hash source by which a Content-Security-Policy allows a script.
std::string hash_source(std::string_view script) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    EVP_Digest(script.data(), script.size(), digest.data(), &size, EVP_sha256(), nullptr);
    return fmt::format("'sha256-{}'", base64({reinterpret_cast<const char*>(digest.data()), size}));
}

/// Replaces each mark by its text, in one pass: a mark inside a text is not replaced.
std::string fill_in(std::string_view form, const std::map<std::string_view, std::string>& texts) {
    std::string page;
    while (!form.empty()) {
        auto first = form.size();
        std::string_view mark;
        for (const auto& [candidate, text] : texts)
            if (const auto at = form.find(candidate); at < first) first = at, mark = candidate;
        page += form.substr(0, first);
        if (!mark.empty()) page += texts.at(mark);
        form.remove_prefix(first + mark.size());
    }
    return page;
}

} // namespace

json report_data(const results& results, const std::string& baseline) {
    const auto& plan = results.planned;
    const auto sections = summarize(plan, results.done, baseline);
    auto data = json_of(results);
    data["circumstances"] = circumstances(results.where, results.mean_noise(), plan);
    data["noise"] = noise_finding(sections);
    for (const auto* list :
         {"figures", "sweeps", "sections", "answers", "capacities", "crossings", "claims", "reasons", "cards"})
        data[list] = json::array();
    append(data["figures"], metrics());
    append(data["sweeps"], sweeps());
    append(data["crossings"], crossings_of(sections));
    append(data["sections"], sections);
    const auto answers = answers_of(sections);
    append(data["answers"], answers);
    append(data["capacities"], capacities_of(sections));
    append(data["claims"], claims_of(sections, plan.server_cores.size()));
    for (const auto& section : sections) {
        const auto found = std::ranges::find(answers, section.load.id, &answer::workload);
        const auto decides = found == answers.end() ? std::string_view{"rate"} : found->metric;
        append(data["reasons"], explanations_of(section, decides));
    }
    for (const auto& card : model_cards())
        if (std::ranges::find(plan.contenders, card.model, &contender::model) != plan.contenders.end())
            data["cards"].push_back(json_of(card));
    return data;
}

std::string html_of(const results& results, const std::string& baseline) {
    const auto charts = code_for_script(std::string{embedded::chart_js()});
    const auto script = '\n' + code_for_script(std::string{embedded::report_js()}) + '\n';
    const auto data = report_data(results, baseline).dump(-1, ' ', false, json::error_handler_t::replace);
    return fill_in(embedded::report_html(),
                   {{"/*STYLE*/", std::string{embedded::report_css()}},
                    {"/*SCRIPTS*/", fmt::format("{} {}", hash_source(charts), hash_source(script))},
                    {"/*RESULT*/", json_for_script(data)},
                    {"/*CHART.JS*/", charts},
                    {"/*SCRIPT*/", script}});
}

} // namespace parley
