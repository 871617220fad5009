// Order of one measurement: start, wait until ready, prime, load and observe, stop, reap.
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

constexpr milliseconds leaving_limit = 10s; // for a server to exit after SIGTERM
constexpr milliseconds priming_time = 50ms; // enough to touch the code and memory of a request
constexpr std::string_view in_background =
    "the server went into the background: start it so that it stays in the foreground";
constexpr int priming_connections = 10; // few, so that an iterative server completes them in time

/// Returns the warm-up time. The kernel completes all connections before the load begins, and the server has to
/// accept them before the measured time, for which it gets 0.3 ms per connection.
milliseconds warm_up_for(const workload& load) {
    const auto accepting = load.per_connection == 0 ? load.connections * 3ms / 10 : 0ms;
    return 100ms + std::min<milliseconds>(accepting, 2s);
}

microseconds since(steady_clock::time_point begin) {
    return std::chrono::round<microseconds>(steady_clock::now() - begin);
}

/// Returns the workers in the scoreboard of `server`; empty if it has no readable scoreboard.
std::vector<worker_use> workers_of(pid_t server) {
    std::vector<worker_use> workers;
    try {
        if (const auto scoreboard = scoreboard_view{server}.take_snapshot())
            for (const auto& worker : scoreboard->workers)
                workers.push_back({worker.counted.connections, worker.counted.requests});
    } catch (const std::exception&) {
        return {};
    }
    return workers;
}

void add(const rusage& used, server_use& sum) {
    sum.user += duration_of(used.ru_utime);
    sum.system += duration_of(used.ru_stime);
    sum.voluntary_switches += used.ru_nvcsw;
    sum.involuntary_switches += used.ru_nivcsw;
    sum.page_faults += used.ru_minflt + used.ru_majflt;
}

/// Stops the server and records how it ended. Adds to the problem if that was not clean. A server run by a
/// shell gets the signal in its whole process group, as from a terminal.
void stop(subprocess& server, const server_processes& processes, bool is_parley_server, measurement& result) {
    const bool left_early = server.wait(0ms).has_value();
    const auto begin = steady_clock::now();
    is_parley_server ? server.signal(SIGTERM) : server.signal_group(SIGTERM);
    const auto end = server.wait(leaving_limit);
    const auto rest = end ? processes.reap(server, leaving_limit) : server_processes::rest{};
    result.stop_time = since(begin);
    if (!end)
        throw std::runtime_error(
            fmt::format("the server did not leave within {} s of SIGTERM", leaving_limit / 1s));

    add(end->used, result.server);
    for (const auto& used : rest.used) add(used, result.server);

    const bool is_well = has_ended_well(*end, is_parley_server);
    result.left_cleanly =
        is_well && !left_early && rest.left_by_itself && !(is_parley_server && server.left_processes());
    if (result.left_cleanly) return;
    const auto how = !is_well              ? "the server ended with " + end->to_string()
                     : !left_early         ? std::string{"the server left processes behind"}
                     : rest.left_by_itself ? std::string{"the server left before SIGTERM"}
                                           : std::string{in_background};
    result.problem = result.problem.empty() ? how : how + "; " + result.problem;
}

/// Primes the server with a short load, during which system calls are counted. Returns false if a shutdown was
/// requested. A failure is not a problem: on a busy machine, so short a load may get no response.
bool prime(subprocess& server, const std::string& address, const plan& plan, measurement& result) {
    auto load = plan.workloads[result.where.workload];
    load.duration = priming_time;
    load.background_clients = 0;
    load.connections = std::min(load.connections, priming_connections);
    load.wait = std::min(load.wait, priming_time / 10); // several requests fit into the time
    const syscall_count calls{server.pid()}; // only during the priming, because counting slows the calls
    const auto outcome = run_load(plan, server, address, load, {}, [](auto) {});
    result.server.calls = calls.so_far();
    if (!outcome) return false;
    result.server.requests_of_calls = outcome->measured.all_requests;
    result.server.requests = outcome->measured.all_requests;
    result.server.connections = outcome->measured.connected;
    return true;
}

/// Runs all loads of a workload. Returns false if a shutdown was requested.
bool run_loads(subprocess& server, const server_processes& processes, const std::string& address,
               const plan& plan, measurement& result) {
    if (!prime(server, address, plan, result)) return false;
    const auto& load = plan.workloads[result.where.workload];
    const auto& contender = plan.contenders[result.where.contender];
    const auto add_requests = [&](const load_report& report) {
        result.server.requests += report.all_requests;
        result.server.connections += report.connected;
    };
    const auto add = [&](const load_report& report) {
        add_requests(report);
        if (result.problem.empty()) result.problem = report.problem;
    };
    const auto outcome = run_load(plan, server, address, load,
                                  {.warm_up = warm_up_for(load), .is_watched = true}, [&](auto generators) {
                                      result.server.memory = memory_of(processes.of(server, generators));
                                      if (contender.has_lasting_workers())
                                          result.workers = workers_of(server.pid());
                                  });
    if (!outcome) return false;
    result.load = outcome->measured;
    add(outcome->measured);
    const bool is_parley_server = contender.command.empty();
    if (!is_parley_server && result.load.served == 0 && load.service == "echo" && !load.lines)
        result.problem += "; if the server waits for whole lines: --lines";
    if (outcome->background) add(*outcome->background);
    auto open_load = load;
    open_load.duration = load.duration * 2 / 3;
    for (const auto share : load.open) {
        if (!result.problem.empty() || result.is_empty(load)) break;
        const auto open =
            run_load(plan, server, address, open_load,
                     {.warm_up = warm_up_for(load), .rate = result.load.rate * share}, [](auto) {});
        if (!open) return false;
        // If the rate is too high for the server, that is a finding, and the cell remains valid.
        result.open.push_back({share, open->measured});
        add_requests(open->measured);
    }
    return true;
}

} // namespace

bool has_ended_well(const process_end& end, bool is_parley_server) {
    return end.exit_code() == 0 ||
           (!is_parley_server && (end.exit_code() == 128 + SIGTERM || // from a shell
                                  (WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGTERM)));
}

std::optional<measurement> measure(const plan& plan, const cell& cell) {
    const auto& contender = plan.contenders[cell.contender];
    measurement result;
    result.where = cell;
    const server_processes processes;
    std::optional<subprocess> server;
    try {
        const server_launcher launcher{contender, plan.workloads[cell.workload], plan.parley_server};
        const auto begin = steady_clock::now();
        {
            const cpu_affinity affinity{plan.server_cores};
            server.emplace(launcher.words(), subprocess::errors::kept);
        }
        const auto address = launcher.wait_until_ready(*server);
        result.start_time = since(begin);
        server->drop_output();
        result.server.cpu_when_ready = cpu_of(processes.of(*server));
        result.server.at_rest = memory_of(processes.of(*server));
        if (!run_loads(*server, processes, address, plan, result)) return std::nullopt;
        result.server.cpu_when_loaded = cpu_of(processes.of(*server));
        stop(*server, processes, contender.command.empty(), result);
    } catch (const std::runtime_error& error) { // a failed cell must not end the comparison
        result.problem = error.what();
        if (server && server->wait(100ms) && // time for its error message
            !processes.reap(*server, leaving_limit).left_by_itself)
            result.problem += fmt::format("; {}", in_background);
    }
    const auto message = server ? server->first_error() : "";
    if (!result.problem.empty() && !message.empty()) result.problem += "; stderr of the server: " + message;
    return result;
}

} // namespace parley
