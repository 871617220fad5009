#include "client/compare/measure/results_json.hpp"

#include "client/compare/host/programs.hpp"
#include "client/compare/plan/plan_json.hpp"
#include "common/duration.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley {

namespace {

using json = nlohmann::ordered_json; // keeps the order of the members
using std::chrono::microseconds;

/// Returns the evidence that a model cannot sustain a workload: 2 (enough) if it served less than three
/// quarters of the connections, 1 if it served more, 0 if it served all.
constexpr int enough_evidence = 2;
int evidence_of_empty(const measurement& measurement, const workload& load) {
    if (!measurement.is_empty(load)) return 0;
    return measurement.load.served < load.connections * 3 / 4 ? enough_evidence : 1;
}

/// MemTotal of one machine may differ by less than 1 % from boot to boot.
bool is_same(const machine& here, const machine& other) {
    return here.processor == other.processor && here.cores == other.cores && here.kernel == other.kernel &&
           std::abs(here.memory_mib - other.memory_mib) < 0.01 * other.memory_mib;
}

constexpr auto schema = "parley-compare/2";

json load_json(const load_report& load) { return load.text.empty() ? json{} : json::parse(load.text); }

load_report load_from(const json& object) {
    return object.is_null() ? load_report{} : load_report::parse(object.dump());
}

json json_of(const tree_memory& memory) {
    return {{"total", memory.total_kib()},
            {"data", memory.data_kib},
            {"text", memory.text_kib},
            {"page_tables", memory.page_tables_kib},
            {"kernel_stacks", memory.stacks_kib}};
}

void read_parts(const json& object, const char* name, tree_memory& memory) {
    const auto parts = object.find(name);
    if (parts == object.end()) return; // results of earlier versions
    memory.data_kib = parts->at("data");
    memory.text_kib = parts->at("text");
    memory.page_tables_kib = parts->at("page_tables");
    memory.stacks_kib = parts->at("kernel_stacks");
}

json json_of(const server_use& used) {
    return {{"cpu_user_us", used.user.count()},
            {"cpu_system_us", used.system.count()},
            {"voluntary_switches", used.voluntary_switches},
            {"involuntary_switches", used.involuntary_switches},
            {"page_faults", used.page_faults},
            {"priming_calls", used.calls ? json(*used.calls) : json()},
            {"priming_requests", used.requests_of_calls},
            {"requests", used.requests},
            {"connections", used.connections},
            {"cpu_when_ready_us", used.cpu_when_ready.count()},
            {"cpu_when_loaded_us", used.cpu_when_loaded.count()},
            {"memory_at_rest_kib", json_of(used.at_rest)},
            {"memory_kib", json_of(used.memory)},
            {"pss_at_rest_kib", used.at_rest.pss_kib},
            {"pss_kib", used.memory.pss_kib},
            {"processes", used.memory.processes}};
}

server_use server_from(const json& object) {
    server_use used;
    used.user = microseconds{object.at("cpu_user_us").get<long>()};
    used.system = microseconds{object.at("cpu_system_us").get<long>()};
    used.voluntary_switches = object.at("voluntary_switches");
    used.involuntary_switches = object.at("involuntary_switches");
    used.page_faults = object.at("page_faults");
    if (const auto calls = object.find("priming_calls"); calls != object.end() && !calls->is_null())
        used.calls = calls->get<std::uint64_t>();
    used.requests_of_calls = object.value("priming_requests", std::uint64_t{0});
    used.requests = object.at("requests");
    used.connections = object.at("connections");
    used.at_rest.pss_kib = object.at("pss_at_rest_kib");
    used.memory.pss_kib = object.at("pss_kib");
    read_parts(object, "memory_at_rest_kib", used.at_rest);
    read_parts(object, "memory_kib", used.memory);
    used.cpu_when_ready = microseconds{object.value("cpu_when_ready_us", 0L)};
    used.cpu_when_loaded = microseconds{object.value("cpu_when_loaded_us", 0L)};
    used.memory.processes = object.at("processes");
    return used;
}

json json_of(const host_noise& noise) { return {{"others", noise.others}, {"stolen", noise.steal}}; }

template <class Named>
std::size_t index_of(const std::vector<Named>& values, std::string Named::*member, const std::string& name) {
    const auto found = std::ranges::find(values, name, member);
    if (found == values.end()) throw std::runtime_error(fmt::format("'{}' is not in the plan", name));
    return static_cast<std::size_t>(found - values.begin());
}

microseconds from_milliseconds(double ms) { return microseconds{std::llround(ms * 1000)}; }

} // namespace

host_noise results::mean_noise() const {
    std::vector<host_noise> noises;
    for (const auto& measurement : done) noises.push_back(measurement.noise);
    return mean_of(noises);
}

std::map<std::string, std::string> digests_of(const plan& plan) {
    return {{"parley-server", digest_of(plan.parley_server)}, {"parley-load", digest_of(plan.parley_load)}};
}

void results::check_origin() const {
    const auto here = machine::here();
    if (!is_same(here, where))
        throw std::invalid_argument(
            fmt::format("started on another machine ({}) than this one ({}): start a new run",
                        where.to_string(), here.to_string()));
    for (const auto& [name, digest] : digests_of(planned)) {
        const auto before = programs.find(name);
        if (before != programs.end() && before->second != digest)
            throw std::invalid_argument(fmt::format("started with another build of {}: start a new run", name));
    }
}

json json_of(const machine& machine) {
    return {{"text", machine.to_string()},
            {"processor", machine.processor},
            {"cores", machine.cores},
            {"virtual", machine.is_virtual},
            {"memory_mib", machine.memory_mib},
            {"kernel", machine.kernel},
            {"governor", machine.governor},
            {"descriptors", machine.descriptors},
            {"listen_queue", machine.listen_queue},
            {"load_average", machine.load_average}};
}

machine machine_from(const json& object) {
    machine machine;
    machine.processor = object.at("processor");
    machine.cores = object.at("cores");
    machine.is_virtual = object.at("virtual");
    machine.memory_mib = object.at("memory_mib");
    machine.kernel = object.at("kernel");
    machine.governor = object.at("governor");
    machine.descriptors = object.at("descriptors");
    machine.listen_queue = object.value("listen_queue", 0L);
    machine.load_average = object.at("load_average");
    return machine;
}

json json_of(const plan& plan, const measurement& measurement) {
    const auto& cell = measurement.where;
    json open = json::array(), workers = json::array();
    for (const auto& [share, load] : measurement.open)
        open.push_back({{"share", share}, {"load", load_json(load)}});
    for (const auto& worker : measurement.workers) workers.push_back({worker.connections, worker.requests});
    return {{"round", cell.round},
            {"workload", plan.workloads.at(cell.workload).id},
            {"contender", plan.contenders.at(cell.contender).name},
            {"problem", measurement.problem.empty() ? json{} : json(measurement.problem)},
            {"left_cleanly", measurement.left_cleanly},
            {"start_ms", in_ms(measurement.start_time)},
            {"stop_ms", in_ms(measurement.stop_time)},
            {"server", json_of(measurement.server)},
            {"workers", workers},
            {"disturbance", json_of(measurement.noise)},
            {"load", load_json(measurement.load)},
            {"open", open}};
}

measurement measurement_from(const plan& plan, const json& object) {
    try {
        measurement result;
        result.where.round = object.at("round");
        result.where.workload = index_of(plan.workloads, &workload::id, object.at("workload"));
        result.where.contender = index_of(plan.contenders, &contender::name, object.at("contender"));
        if (!object.at("problem").is_null()) result.problem = object.at("problem");
        result.left_cleanly = object.at("left_cleanly");
        result.start_time = from_milliseconds(object.at("start_ms"));
        result.stop_time = from_milliseconds(object.at("stop_ms"));
        result.server = server_from(object.at("server"));
        for (const auto& worker : object.at("workers")) result.workers.push_back({worker.at(0), worker.at(1)});
        if (const auto noise = object.find("disturbance"); noise != object.end())
            result.noise = {noise->at("others"), noise->at("stolen")};
        result.load = load_from(object.at("load"));
        for (const auto& open : object.at("open"))
            result.open.push_back({open.at("share"), load_from(open.at("load"))});
        return result;
    } catch (const json::exception& error) {
        throw std::runtime_error(fmt::format("not a measurement: {}", error.what()));
    }
}

json json_of(const results& results) {
    json record{{"schema", schema},
                {"parley", PARLEY_VERSION},
                {"compiler", "g++ " __VERSION__},
                {"complete", is_complete(results.planned, results.done)},
                {"begun", results.begun},
                {"machine", json_of(results.where)},
                {"programs", results.programs},
                {"disturbance", json_of(results.mean_noise())},
                {"plan", json_of(results.planned)},
                {"cells", json::array()}};
    for (const auto& measurement : results.done)
        record["cells"].push_back(json_of(results.planned, measurement));
    return record;
}

results results_from(const json& record) {
    try {
        if (record.at("schema") != schema)
            throw std::runtime_error(
                fmt::format("the schema is {}, not {}", record.at("schema").dump(), schema));
        results results;
        results.planned = plan_from(record.at("plan"));
        results.where = machine_from(record.at("machine"));
        results.begun = record.at("begun");
        results.programs = record.value("programs", results.programs);
        for (const auto& cell : record.at("cells"))
            results.done.push_back(measurement_from(results.planned, cell));
        return results;
    } catch (const json::exception& error) {
        throw std::runtime_error(fmt::format("not a result of parley-compare: {}", error.what()));
    }
}

std::vector<cell> cells_left(const plan& plan, const std::vector<measurement>& done) {
    constexpr int most_attempts = 2; // a lost round is measured once more, after all other cells
    const auto is_lost = [](const measurement& measurement) {
        return !measurement.problem.empty() || !measurement.load.invalid_reason.empty();
    };
    auto left = plan.cells();
    const auto attempts = [&](const cell& cell) { return std::ranges::count(done, cell, &measurement::where); };
    std::erase_if(left, [&](const cell& cell) {
        int evidence = 0;
        bool is_done = attempts(cell) >= most_attempts, has_valid = false;
        for (const auto& measurement : done) {
            const auto& where = measurement.where;
            if (where.contender != cell.contender || where.workload != cell.workload) continue;
            evidence += evidence_of_empty(measurement, plan.workloads[cell.workload]);
            is_done = is_done || (where == cell && !is_lost(measurement));
            has_valid = has_valid || !is_lost(measurement);
        }
        // If no round of this contender and workload is valid, the cause is not the round.
        return is_done || evidence >= enough_evidence || (attempts(cell) > 0 && !has_valid);
    });
    std::ranges::stable_partition(left, [&](const cell& cell) { return attempts(cell) == 0; });
    return left;
}

bool is_complete(const plan& plan, const std::vector<measurement>& done) {
    return cells_left(plan, done).empty();
}

} // namespace parley
