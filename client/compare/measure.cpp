// The order of one cell: start, wait until it listens, prime, load and watch, stop, look at what is left.
#include "client/compare/measure.hpp"

#include "client/compare/load_run.hpp"
#include "client/compare/on_cores.hpp"
#include "client/compare/server_start.hpp"
#include "client/compare/syscall_count.hpp"
#include "common/duration.hpp"
#include "common/scoreboard_view.hpp"
#include "common/stop_signal.hpp"
#include "common/subprocess.hpp"

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
        if (const auto seen = scoreboard_view{server}.look())
            for (const auto& each : seen->workers)
                all.push_back({each.counted.connections, each.counted.requests});
    } catch (const std::exception&) {
        return {};
    }
    return all;
}

/// Ends the server, and says how it left; adds to the problem where that was not clean.
void stop(subprocess& server, bool is_ours, measurement& result) {
    const bool left_early = server.wait(0ms).has_value();
    const auto begin = steady_clock::now();
    server.signal(SIGTERM);
    const auto end = server.wait(leaving_limit);
    result.stop_time = since(begin);
    if (!end)
        throw std::runtime_error(
            fmt::format("the server did not leave within {} s of SIGTERM", leaving_limit / 1s));

    result.server.user = duration_of(end->used.ru_utime);
    result.server.system = duration_of(end->used.ru_stime);
    result.server.voluntary_switches = end->used.ru_nvcsw;
    result.server.involuntary_switches = end->used.ru_nivcsw;
    result.server.page_faults = end->used.ru_minflt + end->used.ru_majflt;

    const bool is_well = ended_well(*end, is_ours);
    result.left_cleanly = is_well && !left_early && !server.left_processes();
    if (result.left_cleanly) return;
    const auto how = !is_well     ? "the server ended with " + end->to_string()
                     : left_early ? "the server left before it was told to"
                                  : "the server left processes behind";
    result.problem = result.problem.empty() ? how : how + "; " + result.problem;
}

/// False: a stop was requested.
bool load_it(subprocess& server, const std::string& address, const plan& all, measurement& result) {
    const auto& wanted = all.workloads[result.where.workload];
    const auto add = [&](const load_report& one) {
        result.server.requests += one.all_requests;
        result.server.connections += one.connected;
        if (result.problem.empty()) result.problem = one.problem;
    };
    auto priming = wanted;
    priming.duration = primer;
    priming.disturbers = 0;
    priming.connections = std::min(wanted.connections, primers);
    priming.wait = std::min(priming.wait, primer / 10); // or nobody would be answered in time
    std::optional<load_outcome> primed;
    {
        const syscall_count calls{server.pid()}; // no longer than this: it slows what it counts
        primed = run_load(all, address, priming, {}, [] {});
        result.server.calls = calls.so_far();
    }
    if (!primed) return false;
    result.server.requests_of_calls = primed->measured.all_requests;
    result.server.requests = primed->measured.all_requests;
    result.server.connections = primed->measured.connected;
    // So short a load may go without an answer on a busy machine: what matters is the one that follows.

    const auto loaded = run_load(all, address, wanted, {.warm_up = warm_up_for(wanted)}, [&] {
        const auto now = memory_of_tree(server.pid());
        if (now.pss_kib > result.server.memory.pss_kib) result.server.memory = now;
        if (all.contenders[result.where.contender].keeps_workers()) result.workers = workers_of(server.pid());
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
        const auto at_rate = run_load(
            all, address, at_a_rate, {.warm_up = warm_up_for(wanted), .rate = result.load.rate * share}, [] {});
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
    std::optional<subprocess> server;
    try {
        const server_door door{who, wanted, all.parley_server};
        const auto begin = steady_clock::now();
        {
            const on_cores placed{all.server_cores};
            server.emplace(door.words(), subprocess::errors::kept);
        }
        const auto address = door.wait_until_open(*server);
        result.start_time = since(begin);
        result.server.at_rest = memory_of_tree(server->pid());
        if (!load_it(*server, address, all, result)) return std::nullopt;
        stop(*server, who.command.empty(), result);
    } catch (const std::runtime_error& failure) { // one cell's failure must not end the comparison
        result.problem = failure.what();
        if (server) server->wait(100ms); // it may just be about to say why
    }
    const auto said = server ? server->first_error() : "";
    if (!result.problem.empty() && !said.empty()) result.problem += "; the server said: " + said;
    return result;
}

} // namespace parley
