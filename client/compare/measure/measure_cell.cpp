// The order of one cell: start, wait until it listens, prime, load and watch, stop, look at what is left.
#include "client/compare/measure/measure_cell.hpp"

#include "client/compare/host/cpu_affinity.hpp"
#include "client/compare/host/server_processes.hpp"
#include "client/compare/host/syscall_count.hpp"
#include "client/compare/measure/load_run.hpp"
#include "client/compare/measure/server_start.hpp"
#include "common/duration.hpp"
#include "common/process/stop_signal.hpp"
#include "common/process/subprocess.hpp"
#include "common/scoreboard/scoreboard_view.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <stdexcept>
#include <sys/wait.h>

namespace parley {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds leaving_limit = 10s; // for a server to leave
constexpr milliseconds primer = 50ms;
constexpr std::string_view in_background =
    "the server went into the background: start it so that it stays in the foreground";
constexpr int primers = 10; // connections: a server that serves one at a time has to get through with them

/// The kernel has made all connections before it begins; the server is to have accepted them before it counts,
/// too.
milliseconds warm_up_for(const workload& load) {
    const auto accepting = load.per_connection == 0 ? load.connections * 3ms / 10 : 0ms;
    return 100ms + std::min<milliseconds>(accepting, 2s);
}

microseconds since(steady_clock::time_point begin) {
    return std::chrono::round<microseconds>(steady_clock::now() - begin);
}

/// What its scoreboard tells; nothing where it has none that we may read.
std::vector<worker_use> workers_of(pid_t server) {
    std::vector<worker_use> all;
    try {
        if (const auto seen = scoreboard_view{server}.take_snapshot())
            for (const auto& each : seen->workers)
                all.push_back({each.counted.connections, each.counted.requests});
    } catch (const std::exception&) {
        return {};
    }
    return all;
}

void add(const rusage& used, server_use& sum) {
    sum.user += duration_of(used.ru_utime);
    sum.system += duration_of(used.ru_stime);
    sum.voluntary_switches += used.ru_nvcsw;
    sum.involuntary_switches += used.ru_nivcsw;
    sum.page_faults += used.ru_minflt + used.ru_majflt;
}

/// Ends the server, and says how it left; adds to the problem if that was not clean. One that a shell runs gets
/// the signal as from a terminal: with all of its group.
void stop(subprocess& server, const server_processes& processes, bool is_ours, measurement& result) {
    const bool left_early = server.wait(0ms).has_value();
    const auto begin = steady_clock::now();
    is_ours ? server.signal(SIGTERM) : server.signal_group(SIGTERM);
    const auto end = server.wait(leaving_limit);
    const auto rest = end ? processes.reap(server, leaving_limit) : server_processes::rest{};
    result.stop_time = since(begin);
    if (!end)
        throw std::runtime_error(
            fmt::format("the server did not leave within {} s of SIGTERM", leaving_limit / 1s));

    add(end->used, result.server);
    for (const auto& used : rest.used) add(used, result.server);

    const bool is_well = ended_well(*end, is_ours);
    result.left_cleanly =
        is_well && !left_early && rest.left_by_itself && !(is_ours && server.left_processes());
    if (result.left_cleanly) return;
    const auto how = !is_well              ? "the server ended with " + end->to_string()
                     : !left_early         ? std::string{"the server left processes behind"}
                     : rest.left_by_itself ? std::string{"the server left before it was told to"}
                                           : std::string{in_background};
    result.problem = result.problem.empty() ? how : how + "; " + result.problem;
}

/// False: a stop was requested.
bool load_it(subprocess& server, const server_processes& processes, const std::string& address, const plan& all,
             measurement& result) {
    const auto& wanted = all.workloads[result.where.workload];
    const auto add = [&](const load_report& one) {
        result.server.requests += one.all_requests;
        result.server.connections += one.connected;
        if (result.problem.empty()) result.problem = one.problem;
    };
    auto priming = wanted;
    priming.duration = primer;
    priming.background_clients = 0;
    priming.connections = std::min(wanted.connections, primers);
    priming.wait = std::min(priming.wait, primer / 10); // or nobody would be answered in time
    std::optional<load_outcome> primed;
    {
        const syscall_count calls{server.pid()}; // no longer than this: it slows what it counts
        primed = run_load(all, server, address, priming, {}, [](auto) {});
        result.server.calls = calls.so_far();
    }
    if (!primed) return false;
    result.server.requests_of_calls = primed->measured.all_requests;
    result.server.requests = primed->measured.all_requests;
    result.server.connections = primed->measured.connected;
    // So short a load may go without an answer on a busy machine: what matters is the one that follows.

    const auto loaded = run_load(all, server, address, wanted,
                                 {.warm_up = warm_up_for(wanted), .is_watched = true}, [&](auto load) {
                                     result.server.memory = memory_of(processes.of(server, load));
                                     if (all.contenders[result.where.contender].keeps_workers())
                                         result.workers = workers_of(server.pid());
                                 });
    if (!loaded) return false;
    result.load = loaded->measured;
    add(loaded->measured);
    const bool is_ours = all.contenders[result.where.contender].command.empty();
    if (!is_ours && result.load.served == 0 && wanted.service == "echo" && !wanted.lines)
        result.problem += "; if the server waits for whole lines: --lines";
    if (loaded->beside) add(*loaded->beside);
    auto at_a_rate = wanted;
    at_a_rate.duration = wanted.duration * 2 / 3;
    for (const auto share : wanted.open) {
        if (!result.problem.empty() || result.is_empty(wanted)) break;
        const auto at_rate =
            run_load(all, server, address, at_a_rate,
                     {.warm_up = warm_up_for(wanted), .rate = result.load.rate * share}, [](auto) {});
        if (!at_rate) return false;
        // That a rate is too much for a server is a finding, not a reason not to count the cell.
        result.open.push_back({share, at_rate->measured});
        result.server.requests += at_rate->measured.all_requests;
        result.server.connections += at_rate->measured.connected;
    }
    return true;
}

} // namespace

bool ended_well(const process_end& end, bool is_ours) {
    return end.exit_code() == 0 || (!is_ours && (end.exit_code() == 128 + SIGTERM ||
                                                 (WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGTERM)));
}

std::optional<measurement> measure(const plan& all, const cell& where) {
    const auto& wanted = all.workloads[where.workload];
    const auto& who = all.contenders[where.contender];
    measurement result;
    result.where = where;
    const server_processes processes;
    std::optional<subprocess> server;
    try {
        const server_launcher endpoint{who, wanted, all.parley_server};
        const auto begin = steady_clock::now();
        {
            const on_cores placed{all.server_cores};
            server.emplace(endpoint.words(), subprocess::errors::kept);
        }
        const auto address = endpoint.wait_until_open(*server);
        result.start_time = since(begin);
        server->drop_output();
        result.server.cpu_when_ready = cpu_of(processes.of(*server));
        result.server.at_rest = memory_of(processes.of(*server));
        if (!load_it(*server, processes, address, all, result)) return std::nullopt;
        result.server.cpu_when_loaded = cpu_of(processes.of(*server));
        stop(*server, processes, who.command.empty(), result);
    } catch (const std::runtime_error& failure) { // one cell's failure must not end the comparison
        result.problem = failure.what();
        if (server && server->wait(100ms) && // it may just be about to say why
            !processes.reap(*server, leaving_limit).left_by_itself)
            result.problem += fmt::format("; {}", in_background);
    }
    const auto said = server ? server->first_error() : "";
    if (!result.problem.empty() && !said.empty()) result.problem += "; the server said: " + said;
    return result;
}

} // namespace parley
