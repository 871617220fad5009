#include "client/compare/record.hpp"

#include <nlohmann/json.hpp>

namespace parley {

namespace {

using json = nlohmann::ordered_json; // keys in the order in which a person reads

json json_of(const machine& where) {
    return {{"processor", where.processor},   {"cores", where.cores},   {"virtual", where.is_virtual},
            {"memory_mib", where.memory_mib}, {"kernel", where.kernel}, {"load_average", where.load_average}};
}

json json_of(const workload& load) {
    return {{"name", load.name},
            {"service", load.service},
            {"connections", load.connections},
            {"size", load.size},
            {"per_connection", load.per_connection},
            {"duration_ms", load.duration.count()}};
}

json json_of(const server_use& used) {
    return {{"cpu_user_us", used.user.count()},
            {"cpu_system_us", used.system.count()},
            {"voluntary_switches", used.voluntary_switches},
            {"involuntary_switches", used.involuntary_switches},
            {"page_faults", used.page_faults},
            {"requests", used.requests},
            {"pss_kib", used.memory.pss_kib},
            {"processes", used.memory.processes}};
}

json json_of(const plan& all, const measurement& one) {
    const auto& load = all.workloads[one.where.workload];
    const auto& who = all.contenders[one.where.contender];
    return {{"round", one.where.round},
            {"workload", load.name},
            {"contender", who.name},
            {"command", who.server(load)},
            {"problem", one.problem.empty() ? json{} : json(one.problem)},
            {"left_cleanly", one.left_cleanly},
            {"start_ms", one.start_time.count()},
            {"stop_ms", one.stop_time.count()},
            {"server", json_of(one.server)},
            {"load", one.load.text.empty() ? json{} : json::parse(one.load.text)}};
}

} // namespace

std::string record_of(const plan& all, const std::vector<measurement>& done, const machine& where,
                      const disturbance& meanwhile) {
    json record{{"schema", "parley-compare/1"},
                {"parley", PARLEY_VERSION},
                {"compiler", "g++ " __VERSION__},
                {"complete", done.size() == all.cells().size()},
                {"machine", json_of(where)},
                {"disturbance", {{"others", meanwhile.others}, {"stolen", meanwhile.stolen}}},
                {"seed", all.seed},
                {"server_cores", all.server_cores},
                {"load_cores", all.load_cores},
                {"rounds", all.rounds},
                {"workloads", json::array()},
                {"cells", json::array()}};
    for (const auto& load : all.workloads) record["workloads"].push_back(json_of(load));
    for (const auto& one : done) record["cells"].push_back(json_of(all, one));
    return record.dump(2) + '\n';
}

} // namespace parley
