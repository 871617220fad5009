#include "client/compare/measure/load_run.hpp"

#include "client/compare/host/cpu_affinity.hpp"
#include "common/process/stop_signal.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds time_limit = 10s; // for a load to end after its duration
constexpr milliseconds reply_limit = 5s; // below time_limit, so that parley-load can still report

/// Connections per source address. The kernel has 28,000 ports for a pair of addresses (ip(7),
/// ip_local_port_range), and needs a millisecond to find a free one if half of them are used.
constexpr int most_per_address = 10'000;

std::string sources_of(int connections) {
    return fmt::format("127.0.0.1-127.0.0.{}", (connections + most_per_address - 1) / most_per_address);
}

std::vector<std::string> command_of(const plan& plan, const std::string& address, const workload& load,
                                    const load_mode& mode) {
    const auto option = [](const char* name, auto value) { return fmt::format("--{}={}", name, value); };
    const auto time = [](milliseconds value) { return fmt::format("{}ms", value.count()); };
    std::vector<std::string> words{plan.parley_load,
                                   address,
                                   option("service", load.service),
                                   option("connections", load.connections),
                                   option("warm-up", time(mode.warm_up)),
                                   option("duration", time(mode.warm_up + load.duration)),
                                   option("timeout", time(reply_limit)),
                                   "--allow-unanswered",
                                   "--json=-"};
    if (load.service == "pi") words.push_back(option("digits", load.digits));
    if (load.service == "wait") words.push_back(option("wait", time(load.wait)));
    if (load.service != "pi" && load.service != "wait") words.push_back(option("size", load.size));
    if (load.service == "echo" && load.lines) words.push_back(option("framing", "line"));
    // One thread per core. With fewer, the load generator would limit a faster server.
    const auto threads =
        std::min<std::size_t>(plan.load_cores.size(), static_cast<std::size_t>(load.connections));
    if (threads > 1) words.push_back(option("threads", threads));
    if (load.connections > most_per_address) words.push_back(option("source", sources_of(load.connections)));
    if (load.per_connection > 0) words.push_back(option("per-connection", load.per_connection));
    if (mode.is_watched) words.push_back(option("cool-down", time(time_limit)));
    if (mode.rate) words.push_back(option("rate", std::max(1L, std::lround(*mode.rate))));
    return words;
}

/// Returns the workload of the background clients, which request long work.
workload background_load_of(const workload& load) {
    auto background = load;
    background.connections = load.background_clients;
    background.digits = load.disturbing_digits;
    background.background_clients = 0;
    return background;
}

void start(std::optional<subprocess>& program, std::vector<std::string> command,
           const std::vector<int>& cores) {
    const cpu_affinity affinity{cores};
    program.emplace(std::move(command), subprocess::errors::kept);
}

load_report report_of(subprocess& process, const process_end& end) {
    auto report = process.rest_of_output();
    if (report.empty())
        throw std::runtime_error(
            fmt::format("parley-load wrote no report: {}: {}", end.to_string(), process.first_error()));
    return load_report::parse(std::move(report));
}

} // namespace

std::optional<load_outcome> run_load(const plan& plan, subprocess& server, const std::string& address,
                                     const workload& load, const load_mode& mode,
                                     const std::function<void(std::span<const pid_t>)>& watch) {
    const auto duration = mode.warm_up + load.duration;
    std::optional<subprocess> background, generator;
    if (load.background_clients > 0) {
        auto background_load = background_load_of(load);
        background_load.duration += time_limit; // SIGINT ends it earlier
        start(background, command_of(plan, address, background_load, {}), plan.load_cores);
    }
    start(generator, command_of(plan, address, load, mode), plan.load_cores);
    std::vector<pid_t> processes{generator->pid()};
    if (background) processes.push_back(background->pid());
    const auto begin = steady_clock::now();
    bool is_seen = !mode.is_watched;
    std::optional<process_end> end;
    while (!(end = generator->wait(20ms, &server))) {
        if (stop_signal::is_requested()) return std::nullopt;
        if (steady_clock::now() > begin + duration + time_limit)
            throw std::runtime_error(
                fmt::format("parley-load did not end within {} s after its duration", time_limit / 1s));
        if (is_seen || generator->error_output().find("cooling down") == std::string::npos) continue;
        is_seen = true;
        watch(processes);
        generator->signal(SIGINT); // ends the cool-down
    }
    load_outcome outcome{report_of(*generator, *end), {}};
    if (background) {
        background->signal(SIGINT);
        const auto background_end = background->wait(time_limit, &server);
        if (!background_end) throw std::runtime_error("the background load did not end");
        outcome.background = report_of(*background, *background_end);
    }
    return outcome;
}

} // namespace parley
