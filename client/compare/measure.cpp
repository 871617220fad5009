// The order of one cell: start, wait until it listens, prime, load and watch, stop, look at what is left.
#include "client/compare/measure.hpp"

#include "client/compare/on_cores.hpp"
#include "common/stop_signal.hpp"
#include "common/subprocess.hpp"

#include <csignal>
#include <fmt/format.h>
#include <stdexcept>
#include <string_view>

namespace parley {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds patience = 10s; // for a server to get ready or to leave, and for a load beyond its time
constexpr milliseconds answer_limit = 5s; // less than our patience, so that the load can still report
constexpr milliseconds primer = 50ms;
constexpr milliseconds warm_up = 100ms;

milliseconds since(steady_clock::time_point begin) {
    return std::chrono::round<milliseconds>(steady_clock::now() - begin);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// Waits for the ready line, and returns the address in it. Throws std::runtime_error where none comes.
std::string address_of(subprocess& server) {
    constexpr std::string_view opening = "listening on ";
    constexpr int most_lines = 100;
    for (int count = 0; count != most_lines; ++count) {
        const auto line = server.read_line(patience);
        const auto found = line.find(opening);
        if (found == line.npos) continue;
        const auto begin = found + opening.size();
        return line.substr(begin, line.find(' ', begin) - begin);
    }
    throw std::runtime_error("the server printed no line with 'listening on HOST:PORT'");
}

std::vector<std::string> load_command(const std::string& parley_load, const std::string& address,
                                      const workload& load, milliseconds warming) {
    const auto option = [](const char* name, auto value) { return fmt::format("--{}={}", name, value); };
    std::vector<std::string> words{parley_load,
                                   address,
                                   option("service", load.service),
                                   option("connections", load.connections),
                                   option("size", load.size),
                                   option("warm-up", fmt::format("{}ms", warming.count())),
                                   option("duration", fmt::format("{}ms", (warming + load.duration).count())),
                                   option("timeout", fmt::format("{}ms", answer_limit.count())),
                                   "--allow-unanswered",
                                   "--json=-"};
    if (load.per_connection > 0) words.push_back(option("per-connection", load.per_connection));
    return words;
}

/// Starts a program on these cores.
void start(std::optional<subprocess>& program, std::vector<std::string> command,
           const std::vector<int>& cores) {
    const on_cores placed{cores};
    program.emplace(std::move(command), subprocess::errors::kept);
}

/// Loads the server, and calls `watch` now and then while the last quarter of the load runs. Nothing: a stop
/// was requested. Throws std::runtime_error where there is no report.
template <class Watch>
std::optional<load_report> run_load(const plan& all, const std::string& address, const workload& load,
                                    milliseconds warming, Watch watch) {
    std::optional<subprocess> tester;
    start(tester, load_command(all.parley_load, address, load, warming), all.load_cores);
    const auto begin = steady_clock::now();
    auto next_watch = begin + warming + load.duration * 3 / 4;
    std::optional<process_end> end;
    while (!(end = tester->wait(20ms))) {
        if (stop_signal::requested()) return std::nullopt;
        if (since(begin) > warming + load.duration + patience)
            throw std::runtime_error(
                fmt::format("the load did not end within {} s of its time", patience / 1s));
        if (steady_clock::now() < next_watch) continue;
        watch();
        next_watch += load.duration / 8;
    }
    auto report = tester->rest_of_output();
    if (report.empty())
        throw std::runtime_error(
            fmt::format("no report of the load: {}: {}", end->to_string(), first_line(tester->error_output())));
    return load_report::parse(std::move(report));
}

/// Ends the server, and says how it left; adds to the problem where that was not clean.
void stop(subprocess& server, measurement& result) {
    const bool left_early = server.wait(0ms).has_value();
    const auto begin = steady_clock::now();
    server.signal(SIGTERM);
    const auto end = server.wait(patience);
    result.stop_time = since(begin);
    if (!end)
        throw std::runtime_error(fmt::format("the server did not leave within {} s of SIGTERM", patience / 1s));

    const auto micros = [](const timeval& time) {
        return microseconds{time.tv_sec * 1'000'000 + time.tv_usec};
    };
    result.server.user = micros(end->used.ru_utime);
    result.server.system = micros(end->used.ru_stime);
    result.server.voluntary_switches = end->used.ru_nvcsw;
    result.server.involuntary_switches = end->used.ru_nivcsw;
    result.server.page_faults = end->used.ru_minflt + end->used.ru_majflt;

    result.left_cleanly = end->exit_code() == 0 && !left_early && !server.left_processes();
    if (result.left_cleanly) return;
    const auto how = end->exit_code() != 0 ? "the server ended with " + end->to_string()
                     : left_early          ? "the server left before it was told to"
                                           : "the server left processes behind";
    result.problem = result.problem.empty() ? how : how + "; " + result.problem;
}

/// False: a stop was requested.
bool carry_out(subprocess& server, const plan& all, measurement& result) {
    const auto& load = all.workloads[result.where.workload];
    const auto begin = steady_clock::now();
    const auto address = address_of(server);
    result.start_time = since(begin);

    auto priming = load;
    priming.duration = primer;
    const auto primed = run_load(all, address, priming, 0ms, [] {});
    if (!primed) return false;
    const auto loaded = run_load(all, address, load, warm_up, [&] {
        const auto now = memory_of_tree(server.pid());
        if (now.pss_kib > result.server.memory.pss_kib) result.server.memory = now;
    });
    if (!loaded) return false;
    result.load = *loaded;
    result.server.requests = primed->all_requests + loaded->all_requests;
    result.problem = primed->problem.empty() ? loaded->problem : primed->problem;
    stop(server, result);
    return true;
}

double per(double amount, std::uint64_t requests) {
    return requests ? amount / static_cast<double>(requests) : 0;
}

} // namespace

double measurement::cpu_us_per_request() const {
    return per(static_cast<double>((server.user + server.system).count()), server.requests);
}

double measurement::switches_per_request() const {
    return per(static_cast<double>(server.voluntary_switches + server.involuntary_switches), server.requests);
}

std::optional<measurement> measure(const plan& all, const cell& where) {
    measurement result;
    result.where = where;
    std::optional<subprocess> server;
    try {
        start(server, all.contenders[where.contender].server(all.workloads[where.workload]), all.server_cores);
        if (!carry_out(*server, all, result)) return std::nullopt;
    } catch (const std::runtime_error& failure) { // one cell's failure must not end the comparison
        result.problem = failure.what();
        if (server) server->wait(100ms); // it may just be about to say why
    }
    const auto said = server ? first_line(server->error_output()) : std::string{};
    if (!result.problem.empty() && !said.empty()) result.problem += "; the server said: " + said;
    return result;
}

} // namespace parley
