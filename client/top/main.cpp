// parley-top: shows the workers of a running server, live on a terminal, as text or as JSON.
#include "client/top/live.hpp"
#include "client/top/page.hpp"
#include "client/top/record.hpp"
#include "common/command_line.hpp"
#include "common/escaped.hpp"
#include "common/output.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>

namespace parley {

namespace {

using namespace std::chrono_literals;

constexpr const char* examples = R"(  parley-top                         your only running parley-server
  parley-top 4711 --interval 200ms
  parley-top --once | less
  parley-top --json | jq .per_second.requests)";

struct top_options {
    pid_t process = 0; // 0: the only server of this user
    std::chrono::milliseconds interval{1000};
    bool once = false;
    bool json = false;
};

bool is_interactive() { return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1; }

/// Prints a line that describes a server.
void list(pid_t process) {
    try {
        const scoreboard_view view{process};
        const auto& server = view.server();
        const auto line = fmt::format("{:>8}  model {}, service {}, on {}", process, server.model,
                                      server.service, fmt::join(server.addresses, " "));
        print_message("{}\n", escaped(line));
    } catch (const std::exception&) { // it has ended
    }
}

/// Returns the only server of this user. If there are several, lists them and returns 0. Throws
/// std::runtime_error if there is none.
pid_t only_server() {
    const auto found = running_servers();
    if (found.empty()) throw std::runtime_error("no parley-server of yours is running");
    if (found.size() == 1) return found.front();
    print_message("parley-top: several servers are running; choose one by its pid:\n");
    for (const auto process : found) list(process);
    return 0;
}

/// Takes two snapshots, `interval` apart.
observation observe(scoreboard_view& view, std::chrono::milliseconds interval) {
    const auto take_snapshot = [&] {
        auto snapshot = view.take_snapshot();
        if (!snapshot) throw std::runtime_error(fmt::format("server {} has ended", view.server().process));
        return std::move(*snapshot);
    };
    observation observation{take_snapshot()};
    pollfd end{.fd = view.descriptor(), .events = POLLIN, .revents = 0};
    poll(&end, 1, static_cast<int>(interval.count()));
    observation.update(take_snapshot());
    return observation;
}

std::string text_of(const server_description& server, const observation& observation) {
    constexpr std::size_t width = 100, letter_rows = 1000;
    const page page{server, observation, width};
    std::string text;
    for (const auto& line : page.head(letter_rows)) text += line + '\n';
    text += page.heading() + '\n';
    for (std::size_t i = 0; i < page.size(); ++i) text += page.line(i) + '\n';
    return text;
}

int top(const top_options& options) {
    if (options.interval < 10ms || options.interval > 1h)
        throw std::invalid_argument("--interval must be from 10ms to 1h");
    const auto process = options.process != 0 ? options.process : only_server();
    if (process == 0) return 2;
    scoreboard_view view{process};
    if (!options.once && !options.json && is_interactive()) {
        watch(view, options.interval);
        return 0;
    }
    const auto observation = observe(view, options.interval);
    write_result(options.json ? snapshot_json(view.server(), observation)
                              : text_of(view.server(), observation));
    return 0;
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    CLI::App app{"Shows the workers of a running parley-server: live on a terminal, once elsewhere.",
                 "parley-top"};
    parley::top_options options;
    parley::describe(app, parley::examples);
    app.add_option("pid", options.process,
                   "process of the server or of one of its workers; by default the only server of this user")
        ->type_name("PID")
        ->check(CLI::PositiveNumber)
        ->check(parley::integer_error);
    parley::add_duration(app, "--interval", options.interval,
                         "time between updates, over which rates are taken")
        ->group("Output");
    app.add_flag("--once", options.once,
                 "print the page once, which is the default if standard output is not a terminal")
        ->group("Output");
    app.add_flag("--json", options.json, "print one JSON document")->group("Output");
    return parley::run_program(app, count, words, [&] { return parley::top(options); });
}
