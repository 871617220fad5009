#include "client/compare/measure/load_report.hpp"

#include "client/conversation/bounded_json.hpp"

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

/// Of all failures, lost updates are what a counter without a lock is measured for. One that is overwritten
/// with an older value gives numbers twice, and a client may see it count back.
constexpr auto lost_update = "lost update", counted_back = "counted back";

std::uint64_t lost_updates_in(const json& said) {
    std::uint64_t count = 0;
    for (const auto& each : said.at("errors"))
        if (each.at("cause") == lost_update) count += each.at("count").get<std::uint64_t>();
    return count;
}

/// "3 errors: recv: Connection reset by peer". Empty where nothing failed, or only updates were lost.
std::string failure_in(const json& said) {
    const auto& complaints = said.at("complaints");
    std::string text = complaints.empty() ? "the load was not answered as it should be" : complaints[0];
    const bool has_lost = lost_updates_in(said) > 0;
    for (const auto& each : said.at("errors"))
        if (!has_lost || (each.at("cause") != lost_update && each.at("cause") != counted_back))
            return text + ": " + each.at("text").get<std::string>();
    return said.at("ok").get<bool>() || !said.at("errors").empty() ? "" : text;
}

/// Why the load calls its own figures invalid; empty: it does not.
std::string reason_against(const json& said) {
    if (!said.contains("verdict") || said["verdict"].value("valid", true)) return {};
    std::string reasons;
    for (const auto& each : said["verdict"].value("reasons", json::array()))
        reasons += (reasons.empty() ? "" : "; ") + each.value("text", each.value("code", std::string{"?"}));
    return reasons;
}

} // namespace

load_report load_report::parse(std::string text) {
    load_report report;
    try {
        const auto said = parse_json(text);
        if (const auto& schema = said.at("schema"); schema != "parley-load/1")
            throw std::runtime_error(fmt::format("a report of the unknown form {}", schema.dump()));
        report.rate = said.at("rate");
        report.p50_ms = number_or_null(said.at("latency_ms").at("p50"));
        report.p99_ms = number_or_null(said.at("latency_ms").at("p99"));
        report.connected = said.at("connected");
        report.served = said.at("served");
        report.lost_updates = lost_updates_in(said);
        report.all_requests = said.at("all_requests");
        report.cpu_us = said.at("cpu").at("per_request_us");
        report.problem = failure_in(said);
        report.doubt = reason_against(said);
    } catch (const json::exception& reason) {
        throw std::runtime_error(fmt::format("not a report of a load: {}", reason.what()));
    }
    report.text = std::move(text);
    return report;
}

} // namespace parley
