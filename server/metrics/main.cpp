// parley-metrics: serves a server's scoreboard over HTTP, in processes of its own, so that the server, whose
// models may fork, has no thread for it. parley-server --metrics starts it, with a listening socket as its
// standard input and the scoreboard among its descriptors. A worker serves, by the server's own event loop; a
// parent replaces it if it dies. If it is the parent that is killed, the worker executes this program again,
// and so becomes the next parent. Both end with the server.
#include "common/command_line.hpp"
#include "common/concurrency/process_pool.hpp"
#include "common/log.hpp"
#include "common/net/address.hpp"
#include "common/output.hpp"
#include "common/process/stop_signal.hpp"
#include "common/scoreboard/scoreboard_view.hpp"
#include "server/metrics/exposition.hpp"
#include "server/metrics/page.hpp"
#include "server/model.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <iterator>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace parley {

namespace {

bool is_listening(int descriptor) {
    int listens = 0;
    socklen_t size = sizeof listens;
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens == 1;
}

/// Executes this program again, with the same listening socket; the scoreboard's descriptors have no O_CLOEXEC.
/// The process is the same, its threads end.
void begin_again(const listener& listener) {
    log::warn("parley-metrics was killed: it begins again");
    stop_signal::disarm(); // a timer outlives execve(2), and the new program has no action for its signal yet
    dup2(listener.descriptor(), STDIN_FILENO);
    char name[] = "parley-metrics";
    char* const words[] = {name, nullptr};
    execv("/proc/self/exe", words);
    _exit(1);
}

/// Waits, in a thread of the worker, which does not fork, until a stop is requested; or until the server ends,
/// and with it this process; or until the parent does.
void watch_over(pid_t parent, const listener& listener, const scoreboard_view& view) {
    const auto end_of_parent =
        static_cast<int>(syscall(SYS_pidfd_open, parent, 0)); // negative: it has gone already
    pollfd watched[] = {
        {stop_signal::descriptor(), POLLIN, 0}, {view.descriptor(), POLLIN, 0}, {end_of_parent, POLLIN, 0}};
    while (end_of_parent >= 0 && poll(watched, std::size(watched), -1) < 0 && errno == EINTR) {
    }
    if (watched[0].revents != 0) return;
    // A server that dies takes the parent along: its own end is seen at about the same time.
    constexpr int moment = 200;
    if (watched[1].revents != 0 || poll(&watched[1], 1, moment) == 1) _exit(0);
    begin_again(listener);
}

constexpr int most_clients = 100;
constexpr std::chrono::milliseconds idle_timeout{5'000}; // also of a client that sends its request byte by byte

int run_metrics() {
    if (!is_listening(STDIN_FILENO))
        throw std::invalid_argument("started by parley-server --metrics ADDRESS, not by hand");
    set_up_log("warn");
    stop_signal::install(std::chrono::milliseconds{0});
    scoreboard_view view{getpid()}; // the server's, which this process has inherited
    const std::function<std::string()> text = [&] {
        const auto now = view.take_snapshot();
        return now ? metrics_of(view.server(), *now) : std::string{};
    };
    const service page = [&] { return metrics_page(text); };

    std::vector<unique_fd> sockets;
    sockets.emplace_back(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    listener listener{std::move(sockets)};
    scoreboard board{1}; // its own
    ready_report ready{[&] {
        write_notice(fmt::format("metrics on http://{}/metrics\n", listener.addresses().front().to_string()));
    }};
    const model_options options{.workers = 1,
                                .threads = 1,
                                .min_spare = 0,
                                .max_spare = 0,
                                .max_workers = 0,
                                .max_connections_per_worker = 0,
                                .max_connections = most_clients,
                                .idle_timeout = idle_timeout,
                                .accept = accept_strategy::shared,
                                .in = worker_kind::processes,
                                .command = {},
                                .board = board,
                                .ready = ready};
    process_pool pool{{.workers = 1, .max_workers = 1}, board, ready, [&, parent = getpid()](int) {
                          prctl(PR_SET_PDEATHSIG, 0);
                          const std::jthread watch{[&] { watch_over(parent, listener, view); }};
                          epoll(listener, page, options);
                      }};
    do pool.maintain();
    while (stop_signal::wait_readable({pool.descriptor(), ready.descriptor(), view.descriptor()},
                                      pool.maintain_again_after()) &&
           !view.has_ended());
    pool.stop();
    return 0;
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    CLI::App app{
        "Serves what a parley-server's workers do in Prometheus' text format. Started by parley-server "
        "--metrics ADDRESS.",
        "parley-metrics"};
    parley::describe(app, "  parley-server --metrics 127.0.0.1:9100");
    return parley::run_program(app, count, words, parley::run_metrics);
}
