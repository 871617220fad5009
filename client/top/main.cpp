// parley-top: what the workers of a running server do, on a terminal, as text or as JSON.
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

constexpr const char* examples = R"(
  parley-top                         the only parley-server of yours that runs
  parley-top 4711 --interval 200ms
  parley-top --once | less
  parley-top --json | jq .per_second.requests)";

struct top_options {
    pid_t process = 0; // 0: the only one
    std::chrono::milliseconds interval{1000};
    bool once = false;
    bool json = false;
};

bool on_a_terminal() { return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1; }

/// Prints one line about a server, to choose it by.
void list(pid_t process) {
    try {
        const scoreboard_view view{process};
        const auto& server = view.server();
        const auto line = fmt::format("{:>8}  model {}, service {}, on {}", process, server.model,
                                      server.service, fmt::join(server.addresses, " "));
        print_message("{}\n", escaped(line));
    } catch (const std::exception&) { // it has gone
    }
}

/// 0: there are several, which it lists.
pid_t only_server() {
    const auto found = running_servers();
    if (found.empty()) throw std::runtime_error("no parley-server of yours is running");
    if (found.size() == 1) return found.front();
    print_message("parley-top: several servers are running; say which one:\n");
    for (const auto each : found) list(each);
    return 0;
}

/// Two looks, `interval` apart.
observation observe(scoreboard_view& view, std::chrono::milliseconds interval) {
    const auto look = [&] {
        auto seen = view.take_snapshot();
        if (!seen) throw std::runtime_error(fmt::format("server {} has ended", view.server().process));
        return std::move(*seen);
    };
    observation seen{look()};
    pollfd end{.fd = view.descriptor(), .events = POLLIN, .revents = 0};
    poll(&end, 1, static_cast<int>(interval.count()));
    seen.look_again(look());
    return seen;
}

std::string text_of(const server_description& server, const observation& seen) {
    constexpr std::size_t width = 100, letter_rows = 1000;
    const page shown{server, seen, width};
    std::string text;
    for (const auto& line : shown.head(letter_rows)) text += line + '\n';
    text += shown.heading() + '\n';
    for (std::size_t i = 0; i < shown.size(); ++i) text += shown.line(i) + '\n';
    return text;
}

int top(const top_options& wanted) {
    if (wanted.interval < 10ms || wanted.interval > 1h)
        throw std::invalid_argument("--interval is from 10ms to 1h");
    const auto process = wanted.process != 0 ? wanted.process : only_server();
    if (process == 0) return 2;
    scoreboard_view view{process};
    if (!wanted.once && !wanted.json && on_a_terminal()) {
        watch(view, wanted.interval);
        return 0;
    }
    const auto seen = observe(view, wanted.interval);
    write_result(wanted.json ? record_of(view.server(), seen) : text_of(view.server(), seen));
    return 0;
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    CLI::App app{"Shows what the workers of a running parley-server do.", "parley-top"};
    parley::top_options wanted;
    parley::describe(app, parley::examples);
    app.add_option("pid", wanted.process,
                   "of the server, or of one of its workers; else the only one of this user")
        ->type_name("PID")
        ->check(CLI::PositiveNumber)
        ->check(parley::integer_error);
    parley::add_duration(app, "--interval", wanted.interval, "between two looks, over which rates are taken");
    app.add_flag("--once", wanted.once, "prints the page once, as it does where it is not on a terminal");
    app.add_flag("--json", wanted.json, "prints one JSON document");
    return parley::run_program(app, count, words, [&] { return parley::top(wanted); });
}
