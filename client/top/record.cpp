#include "client/top/record.hpp"

#include "common/duration.hpp"

#include <nlohmann/json.hpp>

namespace parley {

namespace {

using json = nlohmann::ordered_json;

json counts_of(const tally& counted) {
    return {{"connections", counted.connections},
            {"requests", counted.requests},
            {"bytes_in", counted.bytes_in},
            {"bytes_out", counted.bytes_out}};
}

json rates_of(const rates& rate) {
    return {{"connections", rate.connections},
            {"requests", rate.requests},
            {"bytes_in", rate.bytes_in},
            {"bytes_out", rate.bytes_out}};
}

json server_of(const server_description& server, const scoreboard_snapshot& now) {
    return {{"pid", server.process},
            {"version", server.version},
            {"model", server.model},
            {"service", server.service},
            {"listening_on", server.addresses},
            {"uptime_seconds", in_seconds(now.uptime)},
            {"stopping_seconds", now.stopping ? json(in_seconds(*now.stopping)) : json()}};
}

json worker_of(const worker_snapshot& worker, const rates& rate) {
    json record{{"number", worker.number},
                {"pid", worker.process},
                {"tid", worker.thread},
                {"state", name_of(worker.now)},
                {"letter", std::string{letter_of(worker.now)}},
                {"open", worker.open},
                {"total", counts_of(worker.counted)},
                {"per_second", rates_of(rate)}};
    const bool had_connection = worker.counted.connections > 0;
    record["peer"] = had_connection ? json(worker.peer.to_string()) : json();
    record["since_seconds"] = had_connection ? json(in_seconds(worker.since)) : json();
    return record;
}

} // namespace

std::string snapshot_json(const server_description& server, const observation& observation) {
    const auto& now = observation.now();
    json record{{"server", server_of(server, now)}};
    record["interval_seconds"] = observation.span().count();
    record["total"] = counts_of(now.all);
    record["total"]["open"] = now.open;
    record["total"]["processor_seconds"] = in_seconds(now.cpu_time);
    record["per_second"] = rates_of(observation.all());
    record["per_second"]["processor_seconds"] = observation.processors();
    for (const auto activity : all_activities)
        record["states"][std::string{name_of(activity)}] = now.count(activity);
    record["workers"] = json::array();
    for (const auto& worker : now.workers)
        if (worker.in_use()) record["workers"].push_back(worker_of(worker, observation.of(worker)));
    // ASCII only, so that an escape sequence in a name cannot reach the terminal.
    return record.dump(2, ' ', true, json::error_handler_t::replace) + '\n';
}

} // namespace parley
