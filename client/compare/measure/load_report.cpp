#include "client/compare/measure/load_report.hpp"

#include "client/conversation/bounded_json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley {

namespace {

std::optional<double> number_or_null(const nlohmann::json& value) {
    if (value.is_null()) return std::nullopt;
    return value.get<double>();
}

/// Lost updates are the expected result of a counter without a lock, not a failure. If an older value
/// overwrites the counter, values occur twice, and a client may see the counter decrease.
constexpr auto lost_update = "lost update", counted_back = "counted back";

std::uint64_t lost_updates_in(const nlohmann::json& report) {
    std::uint64_t count = 0;
    for (const auto& error : report.at("errors"))
        if (error.at("cause") == lost_update) count += error.at("count").get<std::uint64_t>();
    return count;
}

/// Returns for example "3 errors: recv: Connection reset by peer". Empty if nothing failed except lost updates.
std::string failure_in(const nlohmann::json& report) {
    const auto& complaints = report.at("complaints");
    std::string text = complaints.empty() ? "the load failed" : complaints[0];
    const bool has_lost_updates = lost_updates_in(report) > 0;
    for (const auto& error : report.at("errors"))
        if (!has_lost_updates || (error.at("cause") != lost_update && error.at("cause") != counted_back))
            return text + ": " + error.at("text").get<std::string>();
    return report.at("ok").get<bool>() || !report.at("errors").empty() ? "" : text;
}

/// Returns why parley-load calls its metrics not valid, or an empty string.
std::string invalid_reasons(const nlohmann::json& report) {
    if (!report.contains("verdict") || report["verdict"].value("valid", true)) return {};
    std::string reasons;
    for (const auto& reason : report["verdict"].value("reasons", nlohmann::json::array()))
        reasons += (reasons.empty() ? "" : "; ") + reason.value("text", reason.value("code", std::string{"?"}));
    return reasons;
}

} // namespace

load_report load_report::parse(std::string text) {
    load_report report;
    try {
        const auto object = parse_json(text);
        if (const auto& schema = object.at("schema"); schema != "parley-load/1")
            throw std::runtime_error(fmt::format("unknown schema {} of the report", schema.dump()));
        report.rate = object.at("rate");
        report.p50_ms = number_or_null(object.at("latency_ms").at("p50"));
        report.p99_ms = number_or_null(object.at("latency_ms").at("p99"));
        report.connected = object.at("connected");
        report.served = object.at("served");
        report.lost_updates = lost_updates_in(object);
        report.all_requests = object.at("all_requests");
        report.cpu_us = object.at("cpu").at("per_request_us");
        report.problem = failure_in(object);
        report.invalid_reason = invalid_reasons(object);
    } catch (const nlohmann::json::exception& reason) {
        throw std::runtime_error(fmt::format("not a report of parley-load: {}", reason.what()));
    }
    report.text = std::move(text);
    return report;
}

} // namespace parley
