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

json json_of(const interval_estimate& one) {
    return {{"mean", one.mean}, {"low", one.low}, {"high", one.high}, {"values", one.values}};
}

json json_of(const row& one) {
    json values = json::object(), problems = json::array(), doubts = json::array();
    for (const auto& [key, value] : one.values) values[std::string{key}] = json_of(value);
    for (const auto& each : one.problems) problems.push_back({{"text", each.text}, {"rounds", each.rounds}});
    for (const auto& each : one.doubts) doubts.push_back({{"text", each.text}, {"rounds", each.rounds}});
    return {{"name", one.name},     {"served", one.served}, {"left_cleanly", one.left_cleanly},
            {"problems", problems}, {"doubts", doubts},     {"values", values}};
}

json json_of(const section& one) {
    json rows = json::array();
    for (const auto& each : one.rows) rows.push_back(json_of(each));
    const auto place = place_of(one.load);
    return {{"workload", one.load.id},
            {"text", one.load.to_string()},
            {"place", place ? json(*place) : json()},
            {"ranked", one.ranked},
            {"rows", rows}};
}

json json_of(const answer& one) {
    return {{"workload", one.workload}, {"question", one.question}, {"figure", one.metric}, {"best", one.best},
            {"headline", one.headline}, {"margin", one.margin},     {"reason", one.reason}};
}

json json_of(const capacity& one) {
    return {{"name", one.name}, {"served", one.served}, {"too_many", one.too_many}, {"why", one.why}};
}

json json_of(const sweep& one) {
    return {{"question", one.question}, {"along", one.axis}, {"unit", one.unit}, {"figures", one.metrics}};
}

json json_of(const crossing& one) { return {{"question", one.question}, {"text", to_string(one)}}; }

json json_of(const claim& one) {
    return {{"text", one.text}, {"verdict", name_of(one.is)}, {"evidence", one.evidence}};
}

json json_of(const card& one) {
    json answers = json::array();
    for (const auto& [key, value] : one.answers) answers.push_back({key, value});
    return {{"model", one.model}, {"summary", one.summary}, {"answers", answers}};
}

json json_of(const metric& one) {
    return {{"key", one.key}, {"title", one.title}, {"unit", one.unit}, {"more", one.better == best::highest}};
}

/// Inside a script element "</script" ends it, and "<!--" and "<script" change what ends it (HTML, 13.2.5.17).
/// In JSON a "<" stands in strings alone, and has an escape.
std::string json_for_script(const std::string& text) {
    std::string safe;
    for (const char letter : text) letter == '<' ? safe.append("\\u003c") : safe.append(1, letter);
    return safe;
}

/// The same for a script of ours, in which "</" stands in strings alone.
std::string code_for_script(std::string text) {
    for (auto at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3))
        text.replace(at, 2, "<\\/");
    return text;
}

/// What a Content-Security-Policy calls a script that may run.
std::string hash_source(std::string_view script) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    EVP_Digest(script.data(), script.size(), digest.data(), &size, EVP_sha256(), nullptr);
    return fmt::format("'sha256-{}'", base64({reinterpret_cast<const char*>(digest.data()), size}));
}

/// Puts each text in the place of its mark, in one pass: a text that holds a mark is text.
std::string filled_in(std::string_view form, const std::map<std::string_view, std::string>& texts) {
    std::string page;
    while (!form.empty()) {
        auto first = form.size();
        std::string_view mark;
        for (const auto& [each, text] : texts)
            if (const auto at = form.find(each); at < first) first = at, mark = each;
        page += form.substr(0, first);
        if (!mark.empty()) page += texts.at(mark);
        form.remove_prefix(first + mark.size());
    }
    return page;
}

} // namespace

json report_data(const results& all, const std::string& baseline) {
    const auto sections = summarize(all.planned, all.done, baseline);
    auto data = record_of(all);
    data["circumstances"] = circumstances(all.where, all.meanwhile(), all.planned);
    data["noise"] = noise_finding(sections);
    for (const auto* list :
         {"figures", "sweeps", "sections", "answers", "capacities", "crossings", "claims", "reasons", "cards"})
        data[list] = json::array();
    for (const auto& each : metrics()) data["figures"].push_back(json_of(each));
    for (const auto& each : sweeps()) data["sweeps"].push_back(json_of(each));
    for (const auto& each : crossings_of(sections)) data["crossings"].push_back(json_of(each));
    for (const auto& each : sections) data["sections"].push_back(json_of(each));
    const auto answers = answers_of(sections);
    for (const auto& each : answers) data["answers"].push_back(json_of(each));
    for (const auto& each : capacities_of(sections)) data["capacities"].push_back(json_of(each));
    const auto decides = [&](const section& one) {
        const auto found = std::ranges::find(answers, one.load.id, &answer::workload);
        return found == answers.end() ? std::string_view{"rate"} : found->metric;
    };
    for (const auto& each : claims_of(sections, all.planned.server_cores.size()))
        data["claims"].push_back(json_of(each));
    for (const auto& one : sections)
        for (const auto& each : explanations_of(one, decides(one)))
            data["reasons"].push_back(
                {{"contender", each.contender}, {"workload", each.workload}, {"text", each.text}});
    for (const auto& each : model_cards()) {
        const auto is_of_it = [&](const contender& one) { return one.model == each.model; };
        if (std::ranges::any_of(all.planned.contenders, is_of_it)) data["cards"].push_back(json_of(each));
    }
    return data;
}

std::string html_of(const results& all, const std::string& baseline) {
    const auto charts = code_for_script(std::string{embedded::chart_js()});
    const auto script = '\n' + code_for_script(std::string{embedded::report_js()}) + '\n';
    const auto data = report_data(all, baseline).dump(-1, ' ', false, json::error_handler_t::replace);
    return filled_in(embedded::report_html(),
                     {{"/*STYLE*/", std::string{embedded::report_css()}},
                      {"/*SCRIPTS*/", fmt::format("{} {}", hash_source(charts), hash_source(script))},
                      {"/*RESULT*/", json_for_script(data)},
                      {"/*CHART.JS*/", charts},
                      {"/*SCRIPT*/", script}});
}

} // namespace parley
