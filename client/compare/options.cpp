#include "client/compare/options.hpp"

#include "client/compare/on_cores.hpp"
#include "client/compare/programs.hpp"
#include "common/command_line.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string_view>

namespace parley {

namespace {

constexpr std::string_view examples =
    "  parley-compare                                      all models, two workloads, three rounds\n"
    "  parley-compare --models thread,coroutine --rounds 10 --baseline thread\n"
    "  parley-compare --server-command mine='./my_server 0' --json result.json\n";

constexpr std::chrono::milliseconds shortest{50};

/// These models serve no TCP connections with a service, and are compared only where they are named.
constexpr std::array<std::string_view, 2> apart{"datagram", "exec"};

void check_known(std::string_view kind, const std::vector<std::string>& wanted,
                 const std::vector<std::string>& known) {
    for (const auto& each : wanted)
        if (std::ranges::find(known, each) == known.end())
            throw std::invalid_argument(
                fmt::format("no such {} '{}': choose {}", kind, each, fmt::join(known, ", ")));
}

void add_models(plan& all, const compare_options& wanted) {
    auto models = wanted.models;
    std::erase(models, std::string{}); // --models '' is how to have none
    if (models.empty() && !wanted.models.empty()) return;
    const auto server = program_at(wanted.parley_server, "parley-server", "--server");
    const auto known = lines_of(server, "--list-models");
    check_known("model", models, known);
    check_known("service", {wanted.service}, lines_of(server, "--list-services"));
    if (models.empty())
        std::ranges::copy_if(known, std::back_inserter(models),
                             [](const auto& model) { return std::ranges::find(apart, model) == apart.end(); });
    for (const auto& model : models) all.contenders.push_back(parley_model(model, server));
}

} // namespace

void describe_options(CLI::App& app, compare_options& options) {
    options.seed = std::random_device{}();

    app.add_option("--models", options.models,
                   "models of parley-server to compare; default: all that serve TCP")
        ->type_name("A,B,...")
        ->delimiter(',');
    app.add_option("--server-command", options.server_commands,
                   "another server to compare, which prints 'listening on HOST:PORT'; may be repeated")
        ->type_name("NAME=COMMAND");
    app.add_option("--workloads", options.workloads, "long-lived connections, one-request per connection")
        ->type_name("A,B")
        ->delimiter(',')
        ->check(CLI::IsMember({"long-lived", "one-request"}))
        ->capture_default_str();
    app.add_option("-s,--service", options.service, "what the servers are asked for")->capture_default_str();
    app.add_option("-c,--connections", options.connections, "at a time")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    app.add_option("--size", options.size, "bytes of a request")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    add_duration(app, "-d,--duration", options.duration, "of the load in each measurement");
    app.add_option("-r,--rounds", options.rounds, "how often everything is measured")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--seed", options.seed, "of the order in each round; default: another each time")
        ->type_name("NUMBER");
    app.add_flag(
        "--separate-cores", options.separate_cores,
        "the load has one core for itself, a server the others: steadier, where one core is enough for it");
    app.add_option("--baseline", options.baseline, "whom the ratios refer to; default: the best")
        ->type_name("NAME");
    app.add_option("--json", options.json_file, "where to write all that was measured")->type_name("FILE");
    app.add_option("--server", options.parley_server, "parley-server; default: the one beside this program")
        ->type_name("PATH");
    app.add_option("--load", options.parley_load, "parley-load; default: the one beside this program")
        ->type_name("PATH");
    describe(app, examples);
}

plan plan_of(const compare_options& wanted) {
    plan all;
    all.rounds = wanted.rounds;
    all.seed = wanted.seed;
    all.parley_load = program_at(wanted.parley_load, "parley-load", "--load");
    all.server_cores = all.load_cores = usable_cores();
    if (wanted.separate_cores) {
        if (all.server_cores.size() < 2) throw std::invalid_argument("--separate-cores: there is only one");
        all.load_cores = {all.server_cores.front()};
        all.server_cores.erase(all.server_cores.begin());
    }
    add_models(all, wanted);
    for (const auto& each : wanted.server_commands) all.contenders.push_back(foreign_server(each));

    if (all.contenders.empty()) throw std::invalid_argument("nothing to compare: name a model or a server");
    if (wanted.duration < shortest)
        throw std::invalid_argument(
            fmt::format("--duration: at least {} ms, or there is nothing to see", shortest.count()));
    std::vector<std::string> names;
    for (const auto& each : all.contenders) names.push_back(each.name);
    if (!wanted.baseline.empty()) check_known("baseline", {wanted.baseline}, names);
    std::ranges::sort(names);
    if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
        throw std::invalid_argument(
            fmt::format("'{}' is there twice: give each server a name of its own", *twice));

    for (const auto& name : wanted.workloads) {
        const bool is_long = name == "long-lived";
        all.workloads.push_back({.name = is_long ? "Long-lived connections" : "One request per connection",
                                 .service = wanted.service,
                                 .connections = wanted.connections,
                                 .size = wanted.size,
                                 .per_connection = is_long ? 0 : 1,
                                 .duration = wanted.duration});
    }
    return all;
}

} // namespace parley
