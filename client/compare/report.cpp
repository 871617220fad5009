#include "client/compare/report.hpp"

#include "client/compare/answers.hpp"
#include "client/compare/capacity.hpp"
#include "client/compare/cards.hpp"
#include "client/compare/claims.hpp"
#include "client/compare/embedded.hpp"
#include "client/compare/findings.hpp"
#include "client/compare/reasons.hpp"
#include "client/compare/summary.hpp"
#include "client/compare/sweeps.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string_view>

namespace parley {

namespace {

using json = nlohmann::ordered_json;

json json_of(const estimate& one) {
    return {{"median", one.median}, {"low", one.low}, {"high", one.high}, {"values", one.values}};
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
    return {{"workload", one.workload}, {"question", one.question}, {"figure", one.figure}, {"best", one.best},
            {"headline", one.headline}, {"margin", one.margin},     {"reason", one.reason}};
}

json json_of(const capacity& one) {
    return {{"name", one.name}, {"served", one.served}, {"too_many", one.too_many}, {"why", one.why}};
}

json json_of(const sweep& one) {
    return {{"question", one.question}, {"along", one.along}, {"unit", one.unit}, {"figures", one.figures}};
}

json json_of(const crossing& one) { return {{"question", one.question}, {"text", in_words(one)}}; }

json json_of(const claim& one) {
    return {{"text", one.text}, {"verdict", name_of(one.is)}, {"evidence", one.evidence}};
}

json json_of(const card& one) {
    json answers = json::array();
    for (const auto& [key, value] : one.answers) answers.push_back({key, value});
    return {{"model", one.model}, {"summary", one.summary}, {"answers", answers}};
}

json json_of(const figure& one) {
    return {{"key", one.key}, {"title", one.title}, {"unit", one.unit}, {"more", one.better == best::highest}};
}

/// Inside a script element, "</" would end it.
std::string for_script(std::string text) {
    for (auto at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3))
        text.replace(at, 2, "<\\/");
    return text;
}

void fill_in(std::string& page, std::string_view mark, std::string_view text) {
    const auto at = page.find(mark);
    page.replace(at, mark.size(), text);
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
    for (const auto& each : figures()) data["figures"].push_back(json_of(each));
    for (const auto& each : sweeps()) data["sweeps"].push_back(json_of(each));
    for (const auto& each : crossings_of(sections)) data["crossings"].push_back(json_of(each));
    for (const auto& each : sections) data["sections"].push_back(json_of(each));
    const auto answers = answers_of(sections);
    for (const auto& each : answers) data["answers"].push_back(json_of(each));
    for (const auto& each : capacities_of(sections)) data["capacities"].push_back(json_of(each));
    const auto decides = [&](const section& one) {
        const auto found = std::ranges::find(answers, one.load.id, &answer::workload);
        return found == answers.end() ? std::string_view{"rate"} : found->figure;
    };
    for (const auto& each : claims_of(sections, all.planned.server_cores.size()))
        data["claims"].push_back(json_of(each));
    for (const auto& one : sections)
        for (const auto& each : reasons_of(one, decides(one)))
            data["reasons"].push_back(
                {{"contender", each.contender}, {"workload", each.workload}, {"text", each.text}});
    for (const auto& each : model_cards()) {
        const auto is_of_it = [&](const contender& one) { return one.model == each.model; };
        if (std::ranges::any_of(all.planned.contenders, is_of_it)) data["cards"].push_back(json_of(each));
    }
    return data;
}

std::string html_of(const results& all, const std::string& baseline) {
    std::string page{embedded::report_html()};
    fill_in(page, "/*STYLE*/", embedded::report_css());
    fill_in(page, "/*RESULT*/",
            for_script(report_data(all, baseline).dump(-1, ' ', false, json::error_handler_t::replace)));
    fill_in(page, "/*CHART.JS*/", for_script(std::string{embedded::chart_js()}));
    fill_in(page, "/*SCRIPT*/", embedded::report_js());
    return page;
}

} // namespace parley
