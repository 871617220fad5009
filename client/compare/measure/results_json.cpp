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

using json = nlohmann::ordered_json; // keys in the order in which a person reads
using std::chrono::microseconds;

/// What speaks for it that a model cannot do a cell: enough where it was far from serving all of the
/// connections, half of that where it was near.
constexpr int enough_to_believe = 2;
int evidence_of_empty(const measurement& one, const workload& wanted) {
    if (!one.is_empty(wanted)) return 0;
    return one.load.served < wanted.connections * 3 / 4 ? enough_to_believe : 1;
}

/// The size of the memory differs a little from start to start of one machine.
bool is_same(const machine& here, const machine& other) {
    return here.processor == other.processor && here.cores == other.cores && here.kernel == other.kernel &&
           std::abs(here.memory_mib - other.memory_mib) < 0.01 * other.memory_mib;
}

constexpr auto schema = "parley-compare/2";

json load_json(const load_report& load) { return load.text.empty() ? json{} : json::parse(load.text); }

load_report load_from(const json& text) {
    return text.is_null() ? load_report{} : load_report::parse(text.dump());
}

json json_of(const tree_memory& one) {
    return {{"total", one.total_kib()},
            {"data", one.data_kib},
            {"text", one.text_kib},
            {"page_tables", one.page_tables_kib},
            {"kernel_stacks", one.stacks_kib}};
}

void read_parts(const json& text, const char* name, tree_memory& into) {
    const auto parts = text.find(name);
    if (parts == text.end()) return; // an earlier version
    into.data_kib = parts->at("data");
    into.text_kib = parts->at("text");
    into.page_tables_kib = parts->at("page_tables");
    into.stacks_kib = parts->at("kernel_stacks");
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

server_use server_from(const json& text) {
    server_use used;
    used.user = microseconds{text.at("cpu_user_us").get<long>()};
    used.system = microseconds{text.at("cpu_system_us").get<long>()};
    used.voluntary_switches = text.at("voluntary_switches");
    used.involuntary_switches = text.at("involuntary_switches");
    used.page_faults = text.at("page_faults");
    if (const auto calls = text.find("priming_calls"); calls != text.end() && !calls->is_null())
        used.calls = calls->get<std::uint64_t>();
    used.requests_of_calls = text.value("priming_requests", std::uint64_t{0});
    used.requests = text.at("requests");
    used.connections = text.at("connections");
    used.at_rest.pss_kib = text.at("pss_at_rest_kib");
    used.memory.pss_kib = text.at("pss_kib");
    read_parts(text, "memory_at_rest_kib", used.at_rest);
    read_parts(text, "memory_kib", used.memory);
    used.cpu_when_ready = microseconds{text.value("cpu_when_ready_us", 0L)};
    used.cpu_when_loaded = microseconds{text.value("cpu_when_loaded_us", 0L)};
    used.memory.processes = text.at("processes");
    return used;
}

json json_of(const host_noise& one) { return {{"others", one.others}, {"stolen", one.steal}}; }

template <class Named>
std::size_t index_of(const std::vector<Named>& all, std::string Named::*name, const std::string& wanted) {
    const auto found = std::ranges::find(all, wanted, name);
    if (found == all.end()) throw std::runtime_error(fmt::format("'{}' is not in the plan", wanted));
    return static_cast<std::size_t>(found - all.begin());
}

microseconds from_milliseconds(double ms) { return microseconds{std::llround(ms * 1000)}; }

} // namespace

host_noise results::meanwhile() const {
    std::vector<host_noise> all;
    for (const auto& one : done) all.push_back(one.meanwhile);
    return mean_of(all);
}

std::map<std::string, std::string> digests_of(const plan& all) {
    return {{"parley-server", digest_of(all.parley_server)}, {"parley-load", digest_of(all.parley_load)}};
}

void results::check_origin() const {
    const auto here = machine::here();
    if (!is_same(here, where))
        throw std::invalid_argument(
            fmt::format("begun on another machine ({}) than this one ({}): begin a new run", where.to_string(),
                        here.to_string()));
    for (const auto& [name, digest] : digests_of(planned)) {
        const auto before = programs.find(name);
        if (before != programs.end() && before->second != digest)
            throw std::invalid_argument(fmt::format("begun with another build of {}: begin a new run", name));
    }
}

json json_of(const machine& where) {
    return {{"text", where.to_string()},
            {"processor", where.processor},
            {"cores", where.cores},
            {"virtual", where.is_virtual},
            {"memory_mib", where.memory_mib},
            {"kernel", where.kernel},
            {"governor", where.governor},
            {"descriptors", where.descriptors},
            {"listen_queue", where.listen_queue},
            {"load_average", where.load_average}};
}

machine machine_from(const json& text) {
    machine it;
    it.processor = text.at("processor");
    it.cores = text.at("cores");
    it.is_virtual = text.at("virtual");
    it.memory_mib = text.at("memory_mib");
    it.kernel = text.at("kernel");
    it.governor = text.at("governor");
    it.descriptors = text.at("descriptors");
    it.listen_queue = text.value("listen_queue", 0L);
    it.load_average = text.at("load_average");
    return it;
}

json json_of(const plan& all, const measurement& one) {
    json open = json::array(), workers = json::array();
    for (const auto& each : one.open) open.push_back({{"share", each.share}, {"load", load_json(each.load)}});
    for (const auto& each : one.workers) workers.push_back({each.connections, each.requests});
    return {{"round", one.where.round},
            {"workload", all.workloads.at(one.where.workload).id},
            {"contender", all.contenders.at(one.where.contender).name},
            {"problem", one.problem.empty() ? json{} : json(one.problem)},
            {"left_cleanly", one.left_cleanly},
            {"start_ms", in_ms(one.start_time)},
            {"stop_ms", in_ms(one.stop_time)},
            {"server", json_of(one.server)},
            {"workers", workers},
            {"disturbance", json_of(one.meanwhile)},
            {"load", load_json(one.load)},
            {"open", open}};
}

measurement measurement_from(const plan& all, const json& text) {
    try {
        measurement one;
        one.where.round = text.at("round");
        one.where.workload = index_of(all.workloads, &workload::id, text.at("workload"));
        one.where.contender = index_of(all.contenders, &contender::name, text.at("contender"));
        if (!text.at("problem").is_null()) one.problem = text.at("problem");
        one.left_cleanly = text.at("left_cleanly");
        one.start_time = from_milliseconds(text.at("start_ms"));
        one.stop_time = from_milliseconds(text.at("stop_ms"));
        one.server = server_from(text.at("server"));
        for (const auto& each : text.at("workers")) one.workers.push_back({each.at(0), each.at(1)});
        if (const auto seen = text.find("disturbance"); seen != text.end())
            one.meanwhile = {seen->at("others"), seen->at("stolen")};
        one.load = load_from(text.at("load"));
        for (const auto& each : text.at("open"))
            one.open.push_back({each.at("share"), load_from(each.at("load"))});
        return one;
    } catch (const json::exception& reason) {
        throw std::runtime_error(fmt::format("not a measurement: {}", reason.what()));
    }
}

json record_of(const results& all) {
    json record{{"schema", schema},
                {"parley", PARLEY_VERSION},
                {"compiler", "g++ " __VERSION__},
                {"complete", is_complete(all.planned, all.done)},
                {"begun", all.begun},
                {"machine", json_of(all.where)},
                {"programs", all.programs},
                {"disturbance", json_of(all.meanwhile())},
                {"plan", json_of(all.planned)},
                {"cells", json::array()}};
    for (const auto& one : all.done) record["cells"].push_back(json_of(all.planned, one));
    return record;
}

results results_from(const json& record) {
    try {
        if (record.at("schema") != schema)
            throw std::runtime_error(
                fmt::format("a result of the form {}, not {}", record.at("schema").dump(), schema));
        results all;
        all.planned = plan_from(record.at("plan"));
        all.where = machine_from(record.at("machine"));
        all.begun = record.at("begun");
        all.programs = record.value("programs", all.programs);
        for (const auto& each : record.at("cells")) all.done.push_back(measurement_from(all.planned, each));
        return all;
    } catch (const json::exception& reason) {
        throw std::runtime_error(fmt::format("not a result of parley-compare: {}", reason.what()));
    }
}

std::vector<cell> cells_left(const plan& all, const std::vector<measurement>& done) {
    constexpr int most_tries = 2; // of a round that was lost: once more, before the end ...
    const auto is_lost = [](const measurement& one) { return !one.problem.empty() || !one.load.doubt.empty(); };
    auto left = all.cells();
    const auto tries = [&](const cell& each) { return std::ranges::count(done, each, &measurement::where); };
    std::erase_if(left, [&](const cell& each) {
        const auto& wanted = all.workloads[each.workload];
        int evidence = 0;
        bool is_over = tries(each) >= most_tries, has_valid = false;
        for (const auto& one : done) {
            if (one.where.contender != each.contender || one.where.workload != each.workload) continue;
            evidence += evidence_of_empty(one, wanted);
            is_over = is_over || (one.where == each && !is_lost(one));
            has_valid = has_valid || !is_lost(one);
        }
        // ... unless no round of it is valid: then it is not the round.
        return is_over || evidence >= enough_to_believe || (tries(each) > 0 && !has_valid);
    });
    std::ranges::stable_partition(left, [&](const cell& each) { return tries(each) == 0; });
    return left;
}

bool is_complete(const plan& all, const std::vector<measurement>& done) {
    return cells_left(all, done).empty();
}

} // namespace parley
