// parley-check: examines any TCP server, in whatever language it is written, and says what is wrong with it.
// Read client/check/README.md first.
#include "client/check/capacity.hpp"
#include "client/check/output/gradescope.hpp"
#include "client/check/output/html.hpp"
#include "client/check/output/scorecard.hpp"
#include "client/conversation/response_rule.hpp"
#include "common/command_line.hpp"
#include "common/output.hpp"
#include "common/replace_file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <unistd.h>

namespace parley {

namespace {

constexpr const char* examples = R"(  parley-check --profile echo -- ./my_server {port}
  parley-check --profile line --level quick -- python3 server.py {port}
  parley-check --profile counter --address 127.0.0.1:9999
  parley-check --profile custom --send 'PING\r\n' --expect '+PONG\r\n' -- redis-server --port {port}
exit status:
  0  no check failed
  1  a check failed
  2  the command line is wrong
  3  the server does not start: the message has its last words)";

struct check_arguments {
    std::string profile = "echo";
    profile_options options;
    std::string level = "normal";
    std::vector<std::string> only;
    std::string address;
    std::string model;
    int pool_size = 0;
    int idle_seconds = 0;
    std::uint64_t seed = 1;
    std::vector<std::string> command;
    std::string json, junit, tap, html, gradescope;
    bool injects = false;
    bool shares_network = false;
    bool lists = false;
};

const std::map<std::string, level> levels{
    {"quick", level::quick}, {"normal", level::normal}, {"full", level::full}};

/// How often statistical checks try.
const std::map<std::string, int> efforts{{"quick", 1}, {"normal", 4}, {"full", 20}};

void add_options(CLI::App& app, check_arguments& arguments) {
    describe(app, examples);
    app.add_option(
           "--profile", arguments.profile,
           "what the server promises to reply: echo, line, welcome, counter, hello or custom (see --list)")
        ->group("Server")
        ->capture_default_str();
    app.add_option("--address", arguments.address,
                   "HOST:PORT of a server that runs already, instead of a command: fewer checks")
        ->group("Server");
    app.add_option(
        "command", arguments.command,
        "program and arguments that start the server; {port} is replaced by a free port, and {host} by an "
        "address");
    app.add_option("--model", arguments.model, "concurrency model that the server promises")
        ->check(CLI::IsMember({"iterative", "fork", "prefork", "thread", "pool", "event"}))
        ->type_name("NAME")
        ->group("Server");
    app.add_option("--pool-size", arguments.pool_size, "clients that the pool serves at a time")
        ->check(CLI::Range(1, 1000))
        ->group("Server");
    app.add_option("--idle-time", arguments.idle_seconds,
                   "seconds after which the server closes idle connections")
        ->check(CLI::Range(1, 60))
        ->group("Server");
    app.add_option("--greeting", arguments.options.greeting, "line that the profile welcome expects")
        ->group("Profile");
    app.add_option("--send", arguments.options.send, "request of the profile custom (with \\n, \\r, \\x1b)")
        ->group("Profile");
    app.add_option("--expect", arguments.options.expect, "reply of the profile custom")->group("Profile");
    app.add_flag("--lines", arguments.options.lines, "send whole lines to echo, for a server that reads lines")
        ->group("Profile");
    app.add_option("--level", arguments.level, "quick (under 20 s), normal (under 90 s), or full")
        ->check(CLI::IsMember(levels))
        ->type_name("NAME")
        ->capture_default_str()
        ->group("Checks");
    app.add_option("--only", arguments.only, "run only these checks (ids of --list, separated by commas)")
        ->allow_extra_args(false) // or "--" would end its list and not begin the command
        ->delimiter(',')
        ->type_name("ID,...")
        ->group("Checks");
    app.add_flag("--inject", arguments.injects,
                 "make system calls of the server fail, by a preloaded library; included in --level full")
        ->group("Checks");
    app.add_option("--seed", arguments.seed, "number that random sizes and moments follow from")
        ->capture_default_str()
        ->group("Checks");
    app.add_flag("--share-network", arguments.shares_network,
                 "use the ports of this machine, also if a network of its own is possible")
        ->group("Checks");
    app.add_flag("--list", arguments.lists, "print the profiles and the checks")->group("Checks");
    app.add_option("--json", arguments.json, "write the scorecard as JSON to this file")->group("Results");
    app.add_option("--junit", arguments.junit, "write the scorecard as JUnit XML to this file")
        ->group("Results");
    app.add_option("--tap", arguments.tap, "write the scorecard as TAP to this file")->group("Results");
    app.add_option("--html", arguments.html, "write the scorecard as one HTML page to this file")
        ->group("Results");
    app.add_option("--gradescope", arguments.gradescope,
                   "write results.json of an autograder of Gradescope to this file, a point for each check")
        ->group("Results");
}

void print_list() {
    print_result("Profiles\n");
    for (const auto& row : profiles()) print_result("  {:<20} {}\n", row.name, row.summary);
    for (const auto& family : check_families()) {
        print_result("\n{}\n", family.title);
        for (const auto& check : family.checks) {
            const auto* since = check.injects                  ? " (--inject)"
                                : check.since == level::quick  ? ""
                                : check.since == level::normal ? " (normal)"
                                                               : " (full)";
            print_result("  {:<20} {}{}\n", check.id, check.sentence, since);
        }
    }
}

void check_ids(const std::vector<std::string>& ids) {
    for (const auto& id : ids) {
        bool is_known = false;
        for (const auto& family : check_families())
            for (const auto& check : family.checks) is_known = is_known || check.id == id;
        if (!is_known) throw std::invalid_argument(fmt::format("there is no check '{}'; see --list", id));
    }
}

/// Returns the library of injected faults: next to this program, or in the libraries of an installation. Throws
/// std::runtime_error if it is at neither place.
std::string find_injector() {
    const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    for (const auto& place : {folder, folder.parent_path() / PARLEY_LIBRARIES}) {
        auto file = place / "libparley_injector.so";
        if (std::filesystem::exists(file)) return file;
    }
    throw std::runtime_error(fmt::format(
        "there is no libparley_injector.so next to parley-check in {}: install it", folder.string()));
}

/// True if checks with injected faults are wanted.
bool injects(const check_arguments& arguments) {
    if (!arguments.address.empty()) return false;
    if (arguments.injects || (arguments.level == "full" && arguments.only.empty())) return true;
    for (const auto& check : injection_checks())
        if (std::ranges::find(arguments.only, check.id) != arguments.only.end()) return true;
    return false;
}

server_promise promise_of(const check_arguments& arguments) {
    server_promise promise;
    if (arguments.command.empty() == arguments.address.empty())
        throw std::invalid_argument(arguments.command.empty()
                                        ? "no server: add -- COMMAND {port}, or --address HOST:PORT"
                                        : "both a command and --address: give one of them");
    if (arguments.pool_size > 0 && arguments.model != "pool" && arguments.model != "prefork")
        throw std::invalid_argument("--pool-size is for --model pool or prefork");
    promise.model = arguments.model;
    promise.seed = arguments.seed;
    if (injects(arguments)) promise.injector = find_injector();
    promise.effort = efforts.at(arguments.level);
    if (arguments.idle_seconds > 0) promise.idle_seconds = arguments.idle_seconds;
    if (arguments.pool_size > 0) promise.pool_size = arguments.pool_size;
    promise.command = arguments.command;
    if (!arguments.address.empty()) {
        promise.running = address::resolve(arguments.address).front();
        return promise;
    }
    bool has_port = false;
    for (const auto& word : promise.command) has_port = has_port || word.find("{port}") != word.npos;
    if (!has_port)
        throw std::invalid_argument("the command has no {port}: put it where the server gets its port");
    return promise;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

std::string assumptions_of(const check_arguments& arguments, const server_capacity& capacity) {
    std::string text;
    if (!arguments.address.empty())
        text = "The server runs already: checks that need its process, or another start, are skipped. ";
    else if (arguments.model.empty())
        text = "Assumed, since there is no --model: the server serves several clients at a time. ";
    return fmt::format("{}Found out with {} clients: {}.", text, server_capacity::clients_tried,
                       capacity.to_string());
}

int examine(const check_arguments& arguments) {
    if (arguments.lists) {
        print_list();
        return 0;
    }
    auto options = arguments.options;
    options.send = unescaped(options.send);
    options.expect = unescaped(options.expect);
    const auto profile = make_profile(arguments.profile, options);
    auto promise = promise_of(arguments);
    check_ids(arguments.only);
    const std::array files{&arguments.json, &arguments.junit, &arguments.tap, &arguments.html,
                           &arguments.gradescope};
    for (const auto* file : files)
        if (!file->empty()) check_replaceable(*file); // before the checks, which take time

    prepare_examination(!arguments.shares_network && !promise.running);
    const bool shows_progress = isatty(STDERR_FILENO) == 1;
    scorecard scorecard{.server = promise.running ? promise.running->to_string() : joined(promise.command),
                        .profile = profile.name,
                        .level = arguments.only.empty() ? arguments.level : "the checks that were chosen",
                        .assumptions = {},
                        .outcomes = {}};
    try {
        promise.capacity = observe_capacity(profile, promise);
        if (profile.takes_requests) scorecard.assumptions = assumptions_of(arguments, promise.capacity);
        scorecard.outcomes = run_checks(profile, promise, {levels.at(arguments.level), arguments.only},
                                        [&](const server_check& check) {
                                            if (shows_progress) print_message("\r\x1b[K{} ...", check.sentence);
                                        });
    } catch (const start_failed& error) {
        print_message("{}parley-check: {}\n", shows_progress ? "\r\x1b[K" : "", error.what());
        return 3;
    }
    if (shows_progress) print_message("\r\x1b[K");
    const auto write = [](const std::string& file, const std::string& text) {
        if (file.empty()) return;
        is_standard_output(file) ? write_result(text) : replace_file(file, text);
    };
    const auto text_of_json = [](const nlohmann::json& json) {
        return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    };
    write(arguments.json, text_of_json(json_of(scorecard)));
    write(arguments.gradescope, text_of_json(gradescope_of(scorecard)));
    write(arguments.html, html_of(scorecard));
    write(arguments.junit, junit_of(scorecard));
    write(arguments.tap, tap_of(scorecard));
    if (std::ranges::none_of(files, [](const auto* file) { return is_standard_output(*file); }))
        write_result(text_of(scorecard));
    return scorecard.has_passed() ? 0 : 1;
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    CLI::App app{
        "Examines a TCP server, in whatever language it is written: starts it, sends it what right and "
        "difficult clients send, and says what is wrong, what that usually means, and what to read.",
        "parley-check"};
    parley::check_arguments arguments;
    parley::add_options(app, arguments);
    return parley::run_program(app, count, words, [&] { return parley::examine(arguments); });
}
