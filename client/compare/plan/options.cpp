#include "client/compare/plan/options.hpp"

#include "client/compare/host/cpu_affinity.hpp"
#include "client/compare/host/machine.hpp"
#include "client/compare/host/procfs.hpp"
#include "client/compare/host/programs.hpp"
#include "client/compare/plan/plan_json.hpp"
#include "client/compare/plan/preset_plans.hpp"
#include "client/conversation/bounded_json.hpp"
#include "common/command_line.hpp"
#include "common/duration.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string_view>

namespace parley {

namespace {

constexpr std::string_view examples =
    "  parley-compare                                      all models, about three minutes\n"
    "  parley-compare --full                               all questions in depth, half an hour\n"
    "  parley-compare --questions short,stevens --models fork,thread,prefork,pool\n"
    "  parley-compare --connections 1,10,100 --service echo,hello --workloads long-lived --rounds 6\n"
    "  parley-compare --server 'mine=./my_server {port}' --baseline mine\n"
    "  parley-compare --server 'apache=./apache.sh {port}' --lines --models prefork,hybrid,epoll\n"
    "  parley-compare --resume results/2026-03-01-120000\n"
    "  parley-compare --diff before/result.json after/result.json\n"
    "\n"
    "exit status:\n"
    "  0  all that was planned is measured\n"
    "  1  a server or a workload has no measurement that counts\n"
    "  2  the call was wrong: one line says why\n"
    "  130  it was interrupted, and can go on with --resume\n";

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
    const auto known = lines_of(all.parley_server, "--list-models");
    check_known("model", models, known);
    if (models.empty())
        std::ranges::copy_if(known, std::back_inserter(models),
                             [](const auto& model) { return std::ranges::find(apart, model) == apart.end(); });
    for (const auto& model : models) all.contenders.push_back({.name = model, .model = model});
}

/// Services x connections x sizes x lifetimes. Sizes are of services that are sent bytes.
void add_product(plan& all, const compare_options& wanted) {
    for (const auto& service : wanted.services)
        for (const int connections : wanted.connections)
            for (const auto& name : wanted.workloads) {
                const bool is_sized = service == "echo" || service == "hello" || service == "counter";
                auto sizes = wanted.sizes;
                if (!is_sized) sizes.resize(1);
                for (const auto size : sizes)
                    all.workloads.push_back(
                        {.id = fmt::format("{}-{}-{}-{}", name, service, connections, size),
                         .question = name,
                         .name = name == "long-lived" ? "Long-lived connections" : "One request per connection",
                         .service = service,
                         .connections = connections,
                         .size = size,
                         .per_connection = name == "long-lived" ? 0 : 1,
                         .duration = wanted.duration.value_or(std::chrono::milliseconds{700})});
            }
}

plan plan_in(const std::string& file) {
    try {
        const auto text = read_file(file);
        if (text.empty()) throw std::invalid_argument("there is nothing to read");
        auto written = parse_ordered_json(text);
        if (written.is_object())
            for (const auto* of_a_run : {"begun", "machine", "programs"}) written.erase(of_a_run);
        return plan_from(written);
    } catch (const nlohmann::json::exception& reason) {
        throw std::invalid_argument(fmt::format("--plan {}: {}", file, reason.what()));
    } catch (const std::invalid_argument& reason) {
        throw std::invalid_argument(fmt::format("--plan {}: {}", file, reason.what()));
    }
}

plan chosen_plan(const compare_options& wanted) {
    plan all;
    find_programs(all, wanted);
    add_models(all, wanted);
    for (const auto& each : wanted.server_commands) all.contenders.push_back(foreign_server(each));
    check_known("service", wanted.services, lines_of(all.parley_server, "--list-services"));
    check_known("question", wanted.questions, all_questions());
    if (wanted.is_product) {
        add_product(all, wanted);
        return all;
    }
    all.name = wanted.full ? "full" : "quick";
    add_questions(all, wanted.full ? plan_size::full : plan_size::quick, wanted.questions,
                  wanted.services.front(), machine::here());
    return all;
}

void place(plan& all, bool separate_cores) {
    const auto cores = usable_cpus();
    if (all.server_cores.empty()) all.server_cores = cores;
    if (all.load_cores.empty()) all.load_cores = cores;
    if (!separate_cores) return;
    if (cores.size() < 2) throw std::invalid_argument("--separate-cores: there is only one");
    all.load_cores = {cores.front()};
    all.server_cores.assign(cores.begin() + 1, cores.end());
}

} // namespace

void describe_options(CLI::App& app, compare_options& options) {
    app.add_flag("--quick", options.quick, "few but telling measurements in about three minutes: the default");
    app.add_flag("--full", options.full,
                 "all questions with more models, levels and rounds: about half an hour");
    app.add_option("--questions", options.questions,
                   fmt::format("only these of a quick or full plan: {}", fmt::join(all_questions(), ", ")))
        ->type_name("A,B,...")
        ->delimiter(',');
    app.add_option("--plan", options.plan_file, "measure what this file says (JSON, as a run leaves it)")
        ->type_name("FILE");

    app.add_option("--models", options.models,
                   "models of parley-server to compare; default: all that serve TCP")
        ->type_name("A,B,...")
        ->delimiter(',');
    app.add_option(
           "--server", options.server_commands,
           "another server to compare, 'COMMAND {port}' or NAME=COMMAND; it gets a free port for {port}, or "
           "prints 'listening on HOST:PORT'; may be repeated")
        ->type_name("COMMAND");

    const auto product = [&](CLI::Option* one) {
        return one->each([&](const std::string&) { options.is_product = true; });
    };
    product(app.add_option("--workloads", options.workloads,
                           "a plan of one's own: long-lived connections, one-request per connection")
                ->type_name("A,B")
                ->delimiter(',')
                ->check(CLI::IsMember({"long-lived", "one-request"}))
                ->capture_default_str());
    product(app.add_option("-s,--service", options.services, "what the servers are asked for")
                ->type_name("A,B,...")
                ->delimiter(',')
                ->capture_default_str());
    product(app.add_option("-c,--connections", options.connections, "at a time")
                ->type_name("N,M,...")
                ->delimiter(',')
                ->check(CLI::Range(1, 100'000))
                ->capture_default_str());
    product(app.add_option("--size", options.sizes, "bytes of a request")
                ->type_name("N,M,...")
                ->delimiter(',')
                ->check(CLI::Range(1, 1 << 20))
                ->capture_default_str());

    app.add_flag("--lines", options.lines,
                 "what is sent to echo are lines, for a server that waits for whole ones (Apache's mod_echo)");
    app.add_option_function<std::string>(
           "-d,--duration", [&](const std::string& text) { options.duration = parse_duration(text); },
           "of the load in each measurement, and at least ten waits of the service wait; default: as the plan "
           "has it")
        ->type_name("TIME");
    app.add_option("-r,--rounds", options.rounds,
                   "how often everything is measured; default: as the plan has it")
        ->check(CLI::Range(1, 1000));
    app.add_option("--seed", options.seed, "of the order in each round; default: another each time")
        ->type_name("NUMBER")
        ->check(integer_error);
    app.add_flag(
        "--separate-cores", options.separate_cores,
        "the load has one core for itself, a server the others: steadier, where one core is enough for it");
    app.add_option("--baseline", options.baseline, "whom the ratios refer to; default: the best")
        ->type_name("NAME");

    app.add_option("-o,--output", options.output, "folder for the results; default: a new one in results/")
        ->type_name("DIR");
    auto* resume = app.add_option("--resume", options.resume,
                                  "go on with a run that was interrupted, or make its report anew")
                       ->type_name("DIR");
    auto* diff = app.add_option("--diff", options.diff,
                                "measure nothing: compare two results (their folders, or result.json)")
                     ->type_name("A B")
                     ->expected(2);
    // A run that was begun has its plan, and what is compared has been measured.
    for (const auto* of_a_plan : {"--quick", "--full", "--questions", "--plan", "--models", "--server",
                                  "--workloads", "--service", "--connections", "--size", "--lines",
                                  "--duration", "--rounds", "--seed", "--separate-cores", "--output"}) {
        resume->excludes(app.get_option(of_a_plan));
        diff->excludes(app.get_option(of_a_plan));
    }
    diff->excludes(resume)->excludes(app.get_option("--baseline"));
    app.add_option("--json", options.json_file, "also writes all that was measured to this file")
        ->type_name("FILE");
    app.add_option("--parley-server", options.parley_server,
                   "the program; default: the one beside this program")
        ->type_name("PATH");
    app.add_option("--parley-load", options.parley_load, "the program; default: the one beside this program")
        ->type_name("PATH");
    describe(app, examples);
}

void find_programs(plan& of, const compare_options& wanted) {
    of.parley_server = program_at(wanted.parley_server, "parley-server", "--parley-server");
    of.parley_load = program_at(wanted.parley_load, "parley-load", "--parley-load");
}

plan plan_of(const compare_options& wanted) {
    if (wanted.quick && wanted.full) throw std::invalid_argument("--quick and --full: choose one");
    if (wanted.is_product && (wanted.full || !wanted.questions.empty()))
        throw std::invalid_argument(
            "--workloads, --service, --connections and --size make a plan of their own: "
            "leave out --full and --questions");
    auto all = wanted.plan_file.empty() ? chosen_plan(wanted) : plan_in(wanted.plan_file);
    find_programs(all, wanted);
    if (wanted.duration && *wanted.duration < shortest)
        throw std::invalid_argument(
            fmt::format("--duration: at least {} ms, or there is nothing to see", shortest.count()));
    for (auto& each : all.workloads) {
        if (wanted.duration) each.duration = std::max(*wanted.duration, each.least_duration());
        if (wanted.rounds) each.rounds = 0;
        // A ready plan goes on without them where a request is too long for a line.
        if (wanted.lines && each.service == "echo")
            each.lines = wanted.is_product || each.size <= workload::longest_line;
    }
    if (wanted.rounds) all.rounds = *wanted.rounds;
    if (wanted.plan_file.empty() || wanted.seed) all.seed = wanted.seed ? *wanted.seed : std::random_device{}();
    place(all, wanted.separate_cores);

    all.check();
    return all;
}

void check_baseline(const plan& all, const std::string& baseline) {
    std::vector<std::string> names;
    for (const auto& each : all.contenders) names.push_back(each.name);
    if (!baseline.empty()) check_known("baseline", {baseline}, names);
}

} // namespace parley
