#include "client/compare/load_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley {

namespace {

using nlohmann::json;

std::optional<double> number_or_null(const json& value) {
    if (value.is_null()) return std::nullopt;
    return value.get<double>();
}

/// "3 errors: recv: Connection reset by peer"
std::string problem_in(const json& said) {
    if (said.at("ok").get<bool>()) return {};
    std::string text = "the load was not answered as it should be";
    if (const auto& complaints = said.at("complaints"); !complaints.empty()) text = complaints[0];
    if (const auto& errors = said.at("errors"); !errors.empty())
        text += ": " + errors[0].at("text").get<std::string>();
    return text;
}

} // namespace

load_report load_report::parse(std::string text) {
    load_report report;
    try {
        const auto said = json::parse(text);
        if (const auto& schema = said.at("schema"); schema != "parley-load/1")
            throw std::runtime_error(fmt::format("a report of the unknown form {}", schema.dump()));
        report.rate = said.at("rate");
        report.p50_ms = number_or_null(said.at("latency_ms").at("p50"));
        report.p99_ms = number_or_null(said.at("latency_ms").at("p99"));
        report.all_requests = said.at("all_requests");
        report.served = said.at("served");
        report.problem = problem_in(said);
    } catch (const json::exception& reason) {
        throw std::runtime_error(fmt::format("not a report of a load: {}", reason.what()));
    }
    report.text = std::move(text);
    return report;
}

} // namespace parley
