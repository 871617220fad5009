#include "client/compare/plan/options.hpp"

#include "client/compare/host/cpu_affinity.hpp"
#include "client/compare/host/machine.hpp"
#include "client/compare/host/programs.hpp"
#include "client/compare/plan/plan_json.hpp"
#include "client/compare/plan/preset_plans.hpp"
#include "client/conversation/bounded_json.hpp"
#include "common/command_line.hpp"
#include "common/duration.hpp"
#include "common/process/procfs.hpp"

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
    "  parley-compare --questions short,stevens --models fork,thread,prefork,pool\n"
    "  parley-compare --connections 1,10,100 --service echo,hello --workloads long-lived --rounds 6\n"
    "  parley-compare --server 'mine=./my_server {port}' --baseline mine\n"
    "  parley-compare --diff before/result.json after/result.json\n"
    "\n"
    "exit status:\n"
    "  0  the whole plan is measured\n"
    "  1  a server or a workload has no valid measurement\n"
    "  2  the command line was wrong: one line names the error\n"
    "  130  interrupted; --resume continues the run\n";

constexpr std::chrono::milliseconds shortest{50}; // less than a few scheduler time slices measures noise

/// Models that serve no TCP connections with a service. They are compared only if --models names them.
constexpr std::array<std::string_view, 2> not_default{"datagram", "exec"};

void check_known(std::string_view kind, const std::vector<std::string>& names,
                 const std::vector<std::string>& known) {
    for (const auto& name : names)
        if (std::ranges::find(known, name) == known.end())
            throw std::invalid_argument(
                fmt::format("no such {} '{}': choose {}", kind, name, fmt::join(known, ", ")));
}

void add_models(plan& plan, const compare_options& options) {
    auto models = options.models;
    std::erase(models, std::string{}); // --models '' means no model
    if (models.empty() && !options.models.empty()) return;
    const auto known = lines_of(plan.parley_server, "--list-models");
    check_known("model", models, known);
    if (models.empty())
        std::ranges::copy_if(known, std::back_inserter(models), [](const auto& model) {
            return std::ranges::find(not_default, model) == not_default.end();
        });
    for (const auto& model : models) plan.contenders.push_back({.name = model, .model = model});
}

/// Adds the product of services, connections, lifetimes and sizes. Only some services have a size.
void add_product(plan& plan, const compare_options& options) {
    for (const auto& service : options.services)
        for (const int connections : options.connections)
            for (const auto& name : options.workloads) {
                const bool is_sized = service == "echo" || service == "hello" || service == "counter";
                auto sizes = options.sizes;
                if (!is_sized) sizes.resize(1);
                for (const auto size : sizes)
                    plan.workloads.push_back(
                        {.id = fmt::format("{}-{}-{}-{}", name, service, connections, size),
                         .question = name,
                         .name = name == "long-lived" ? "Long-lived connections" : "One request per connection",
                         .service = service,
                         .connections = connections,
                         .size = size,
                         .per_connection = name == "long-lived" ? 0 : 1,
                         .duration = options.duration.value_or(std::chrono::milliseconds{700})});
            }
}

plan plan_in(const std::string& file) {
    try {
        const auto text = read_file(file);
        if (text.empty()) throw std::invalid_argument("the file is empty or unreadable");
        auto object = parse_ordered_json(text);
        if (object.is_object()) // plan.json of a run has these members as well
            for (const auto* member : {"begun", "machine", "programs"}) object.erase(member);
        return plan_from(object);
    } catch (const nlohmann::json::exception& reason) {
        throw std::invalid_argument(fmt::format("--plan {}: {}", file, reason.what()));
    } catch (const std::invalid_argument& reason) {
        throw std::invalid_argument(fmt::format("--plan {}: {}", file, reason.what()));
    }
}

plan chosen_plan(const compare_options& options) {
    plan plan;
    find_programs(plan, options);
    add_models(plan, options);
    for (const auto& command : options.server_commands) plan.contenders.push_back(external_server(command));
    check_known("service", options.services, lines_of(plan.parley_server, "--list-services"));
    check_known("question", options.questions, all_questions());
    if (options.is_product) {
        add_product(plan, options);
        return plan;
    }
    plan.name = options.full ? "full" : "quick";
    add_questions(plan, options.full ? plan_size::full : plan_size::quick, options.questions,
                  options.services.front(), machine::here());
    return plan;
}

/// Sets the CPU affinity of server and load generator.
void set_cores(plan& plan, bool separate_cores) {
    const auto cores = usable_cpus();
    if (plan.server_cores.empty()) plan.server_cores = cores;
    if (plan.load_cores.empty()) plan.load_cores = cores;
    if (!separate_cores) return;
    if (cores.size() < 2) throw std::invalid_argument("--separate-cores needs two cores: only one is usable");
    plan.load_cores = {cores.front()};
    plan.server_cores.assign(cores.begin() + 1, cores.end());
}

} // namespace

void describe_options(CLI::App& app, compare_options& options) {
    const auto list = [](CLI::Option* option, const char* type) {
        return option->type_name(type)->delimiter(',');
    };
    const char* group = "Plan";
    app.add_flag("--quick", options.quick, "short plan, about 3 minutes (default)")->group(group);
    app.add_flag("--full", options.full, "all questions with more models, levels and rounds, about 30 minutes")
        ->group(group);
    list(app.add_option(
             "--questions", options.questions,
             fmt::format("questions of the quick or full plan: {}", fmt::join(all_questions(), ", "))),
         "A,B,...")
        ->group(group);
    app.add_option("--plan", options.plan_file, "plan to measure (JSON, as in the plan.json of a run)")
        ->type_name("FILE")
        ->group(group);

    group = "Servers";
    list(app.add_option("--models", options.models, "models of parley-server; default: all TCP models"),
         "A,B,...")
        ->group(group);
    app.add_option("--server", options.server_commands,
                   "third-party server, 'COMMAND {port}' or NAME=COMMAND; {port} is replaced by a free port, a "
                   "COMMAND without it must print 'listening on HOST:PORT'; repeatable")
        ->type_name("COMMAND")
        ->group(group);
    app.add_option("--baseline", options.baseline, "contender that the ratios refer to; default: the best one")
        ->type_name("NAME")
        ->group(group);

    group = "Workloads of a plan of your own (the product of the values)";
    const auto product = [&](CLI::Option* option, const char* type) {
        return list(option, type)
            ->each([&](const std::string&) { options.is_product = true; })
            ->group(group)
            ->capture_default_str();
    };
    product(
        app.add_option("--workloads", options.workloads, "long-lived connections, one-request per connection"),
        "A,B")
        ->check(CLI::IsMember({"long-lived", "one-request"}));
    product(app.add_option("-s,--service", options.services, "services of the servers"), "A,B,...");
    product(app.add_option("-c,--connections", options.connections, "numbers of concurrent connections"),
            "N,M,...")
        ->check(CLI::Range(1, 100'000));
    product(app.add_option("--size", options.sizes, "request sizes in bytes"), "N,M,...")
        ->check(CLI::Range(1, 1 << 20));

    group = "Measurement";
    app.add_option_function<std::string>(
           "-d,--duration", [&](const std::string& text) { options.duration = parse_duration(text); },
           "duration of the load in each measurement, at least ten waits of the service wait; default: that of "
           "the plan")
        ->type_name("TIME")
        ->group(group);
    app.add_option("-r,--rounds", options.rounds, "number of rounds; default: that of the plan")
        ->check(CLI::Range(1, 1000))
        ->group(group);
    app.add_option("--seed", options.seed, "seed of the random order of each round; default: a new one per run")
        ->type_name("NUMBER")
        ->check(integer_error)
        ->group(group);
    app.add_flag("--separate-cores", options.separate_cores,
                 "give the load generator one core and the server the others; steadier if one core suffices")
        ->group(group);
    app.add_flag("--lines", options.lines,
                 "send whole lines to echo, for a server that reads lines (Apache's mod_echo)")
        ->group(group);

    group = "Results";
    app.add_option("-o,--output", options.output, "folder for the results; default: a new one in results/")
        ->type_name("DIR")
        ->group(group);
    app.add_option("--json", options.json_file, "also write all results to this file")
        ->type_name("FILE")
        ->group(group);
    auto* resume =
        app.add_option("--resume", options.resume, "continue an interrupted run, or write its report again")
            ->type_name("DIR")
            ->group(group);
    auto* diff =
        app.add_option("--diff", options.diff, "compare two results (folders or result.json) without measuring")
            ->type_name("A B")
            ->expected(2)
            ->group(group);
    // An existing run has its plan, and --diff measures nothing.
    for (const auto* name : {"--quick", "--full", "--questions", "--plan", "--models", "--server",
                             "--workloads", "--service", "--connections", "--size", "--lines", "--duration",
                             "--rounds", "--seed", "--separate-cores", "--output"}) {
        resume->excludes(app.get_option(name));
        diff->excludes(app.get_option(name));
    }
    diff->excludes(resume)->excludes(app.get_option("--baseline"));

    group = "Programs";
    app.add_option("--parley-server", options.parley_server,
                   "path of parley-server; default: next to this program")
        ->type_name("PATH")
        ->group(group);
    app.add_option("--parley-load", options.parley_load, "path of parley-load; default: next to this program")
        ->type_name("PATH")
        ->group(group);
    describe(app, examples);
}

void find_programs(plan& plan, const compare_options& options) {
    plan.parley_server = program_at(options.parley_server, "parley-server", "--parley-server");
    plan.parley_load = program_at(options.parley_load, "parley-load", "--parley-load");
}

plan plan_of(const compare_options& options) {
    if (options.quick && options.full)
        throw std::invalid_argument("--quick and --full exclude each other: choose one");
    if (options.is_product && (options.full || !options.questions.empty()))
        throw std::invalid_argument(
            "--workloads, --service, --connections and --size define a plan of their own: "
            "omit --full and --questions");
    auto plan = options.plan_file.empty() ? chosen_plan(options) : plan_in(options.plan_file);
    find_programs(plan, options);
    if (options.duration && *options.duration < shortest)
        throw std::invalid_argument(
            fmt::format("--duration is too short: use at least {} ms", shortest.count()));
    for (auto& load : plan.workloads) {
        if (options.duration) load.duration = std::max(*options.duration, load.least_duration());
        if (options.rounds) load.rounds = 0;
        // A preset plan sends no lines if a request is too long for a line.
        if (options.lines && load.service == "echo")
            load.lines = options.is_product || load.size <= workload::longest_line;
    }
    if (options.rounds) plan.rounds = *options.rounds;
    if (options.plan_file.empty() || options.seed)
        plan.seed = options.seed ? *options.seed : std::random_device{}();
    set_cores(plan, options.separate_cores);

    plan.check();
    return plan;
}

void check_baseline(const plan& plan, const std::string& baseline) {
    std::vector<std::string> names;
    for (const auto& contender : plan.contenders) names.push_back(contender.name);
    if (!baseline.empty()) check_known("baseline", {baseline}, names);
}

} // namespace parley
