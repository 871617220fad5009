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

constexpr milliseconds time_limit = 10s;  // for a load beyond its time
constexpr milliseconds answer_limit = 5s; // less than our patience, so that the load can still report

/// From one address to another the kernel has 28,000 ports to choose from, and where half of them are taken it
/// searches for a millisecond (ip(7), ip_local_port_range). So many connections have more addresses of their
/// own.
constexpr int most_from_an_address = 10'000;

std::string sources_of(int connections) {
    return fmt::format("127.0.0.1-127.0.0.{}", (connections + most_from_an_address - 1) / most_from_an_address);
}

std::vector<std::string> command_of(const plan& all, const std::string& address, const workload& load,
                                    const load_mode& manner) {
    const auto option = [](const char* name, auto value) { return fmt::format("--{}={}", name, value); };
    const auto time = [](milliseconds of) { return fmt::format("{}ms", of.count()); };
    std::vector<std::string> words{all.parley_load,
                                   address,
                                   option("service", load.service),
                                   option("connections", load.connections),
                                   option("warm-up", time(manner.warm_up)),
                                   option("duration", time(manner.warm_up + load.duration)),
                                   option("timeout", time(answer_limit)),
                                   "--allow-unanswered",
                                   "--json=-"};
    if (load.service == "pi") words.push_back(option("digits", load.digits));
    if (load.service == "wait") words.push_back(option("wait", time(load.wait)));
    if (load.service != "pi" && load.service != "wait") words.push_back(option("size", load.size));
    if (load.service == "echo" && load.lines) words.push_back(option("framing", "line"));
    // Enough that it could use all its processors, or it would be the limit of a server that is quicker.
    const auto threads =
        std::min<std::size_t>(all.load_cores.size(), static_cast<std::size_t>(load.connections));
    if (threads > 1) words.push_back(option("threads", threads));
    if (load.connections > most_from_an_address)
        words.push_back(option("source", sources_of(load.connections)));
    if (load.per_connection > 0) words.push_back(option("per-connection", load.per_connection));
    if (manner.is_watched) words.push_back(option("cool-down", time(time_limit)));
    if (manner.rate) words.push_back(option("rate", std::max(1L, std::lround(*manner.rate))));
    return words;
}

/// Those who ask for long work beside the load that is measured.
workload background_clients_of(const workload& load) {
    auto beside = load;
    beside.connections = load.background_clients;
    beside.digits = load.disturbing_digits;
    beside.background_clients = 0;
    return beside;
}

void start(std::optional<subprocess>& program, std::vector<std::string> command,
           const std::vector<int>& cores) {
    const on_cores placed{cores};
    program.emplace(std::move(command), subprocess::errors::kept);
}

load_report report_of(subprocess& tester, const process_end& end) {
    auto report = tester.rest_of_output();
    if (report.empty())
        throw std::runtime_error(
            fmt::format("no report of the load: {}: {}", end.to_string(), tester.first_error()));
    return load_report::parse(std::move(report));
}

} // namespace

std::optional<load_outcome> run_load(const plan& all, subprocess& server, const std::string& address,
                                     const workload& load, const load_mode& manner,
                                     const std::function<void(std::span<const pid_t>)>& watch) {
    const auto whole = manner.warm_up + load.duration;
    std::optional<subprocess> background_clients, tester;
    if (load.background_clients > 0) {
        auto beside = background_clients_of(load);
        beside.duration += time_limit; // it is told to end
        start(background_clients, command_of(all, address, beside, {}), all.load_cores);
    }
    start(tester, command_of(all, address, load, manner), all.load_cores);
    std::vector<pid_t> processes{tester->pid()};
    if (background_clients) processes.push_back(background_clients->pid());
    const auto begin = steady_clock::now();
    bool is_seen = !manner.is_watched;
    std::optional<process_end> end;
    while (!(end = tester->wait(20ms, &server))) {
        if (stop_signal::is_requested()) return std::nullopt;
        if (steady_clock::now() > begin + whole + time_limit)
            throw std::runtime_error(
                fmt::format("the load did not end within {} s of its time", time_limit / 1s));
        if (is_seen || tester->error_output().find("cooling down") == std::string::npos) continue;
        is_seen = true;
        watch(processes);
        tester->signal(SIGINT); // ends the cool-down
    }
    load_outcome outcome{report_of(*tester, *end), {}};
    if (background_clients) {
        background_clients->signal(SIGINT);
        const auto left = background_clients->wait(time_limit, &server);
        if (!left) throw std::runtime_error("the load beside did not end");
        outcome.beside = report_of(*background_clients, *left);
    }
    return outcome;
}

} // namespace parley
