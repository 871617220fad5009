// parley-metrics: serves the scoreboard of a server over HTTP. It has processes of its own, since the models of
// the server may fork, and so must not have a thread for it.
//
// parley-server --metrics starts it. Its standard input is a listening socket, and it inherits the descriptors
// of the scoreboard. A worker process serves, by the server's event loop; the parent replaces it if it dies. If
// the parent is killed, the worker executes this program again, and becomes the next parent. Both end with the
// server.
#include "common/command_line.hpp"
#include "common/concurrency/worker_processes.hpp"
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

/// Executes this program again, in the same process and with the same listening socket. The scoreboard's
/// descriptors are not close-on-exec. All threads of the process end.
void restart(const listener& listener) {
    log::warn("parley-metrics was killed: it begins again");
    stop_signal::disarm(); // a timer survives execve(2), and its signal would end the new program, which has no
                           // handler yet
    dup2(listener.descriptor(), STDIN_FILENO);
    char name[] = "parley-metrics";
    char* const words[] = {name, nullptr};
    execv("/proc/self/exe", words);
    _exit(1);
}

/// Runs in a thread of the worker, which does not fork. Returns when shutdown is requested; exits if the server
/// ends; restarts the program if the parent ends.
void watch_parent(pid_t parent, const listener& listener, const scoreboard_view& view) {
    const auto end_of_parent =
        static_cast<int>(syscall(SYS_pidfd_open, parent, 0)); // negative: it has ended already
    pollfd watched[] = {
        {stop_signal::descriptor(), POLLIN, 0}, {view.descriptor(), POLLIN, 0}, {end_of_parent, POLLIN, 0}};
    while (end_of_parent >= 0 && poll(watched, std::size(watched), -1) < 0 && errno == EINTR) {
    }
    if (watched[0].revents != 0) return;
    // If the server dies, the parent ends, too: so the end of the server is waited for, before a restart.
    constexpr int server_end_limit = 200; // ms
    if (watched[1].revents != 0 || poll(&watched[1], 1, server_end_limit) == 1) _exit(0);
    restart(listener);
}

constexpr int max_clients = 100; // a few scrapers; bounds descriptors and memory
constexpr std::chrono::milliseconds idle_timeout{
    5'000}; // counts to the end of the request, also if it comes byte by byte

int run_metrics() {
    if (!is_listening(STDIN_FILENO))
        throw std::invalid_argument("started by parley-server --metrics ADDRESS, not by hand");
    set_up_log("warn");
    stop_signal::install(std::chrono::milliseconds{0});
    scoreboard_view view{getpid()}; // of the server, inherited
    const std::function<std::string()> text = [&] {
        const auto now = view.take_snapshot();
        return now ? metrics_of(view.server(), *now) : std::string{};
    };
    const service page = [&] { return metrics_page(text); };

    std::vector<unique_fd> sockets;
    sockets.emplace_back(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    listener listener{std::move(sockets)};
    scoreboard board{1}; // of this program
    ready_report ready{[&] {
        write_notice(fmt::format("metrics on http://{}/metrics\n", listener.addresses().front().to_string()));
    }};
    const model_options options{.workers = 1,
                                .threads = 1,
                                .min_spare = 0,
                                .max_spare = 0,
                                .max_workers = 0,
                                .max_connections_per_worker = 0,
                                .max_connections = max_clients,
                                .idle_timeout = idle_timeout,
                                .accept = accept_strategy::shared,
                                .in = worker_kind::processes,
                                .command = {},
                                .board = board,
                                .ready = ready};
    worker_processes pool{{.workers = 1, .max_workers = 1}, board, ready, [&, parent = getpid()](int) {
                              prctl(PR_SET_PDEATHSIG, 0);
                              const std::jthread watch{[&] { watch_parent(parent, listener, view); }};
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
        "Serves the scoreboard of a parley-server as metrics in Prometheus' text format. parley-server "
        "--metrics ADDRESS starts it.",
        "parley-metrics"};
    parley::describe(app, "  parley-server --metrics 127.0.0.1:9100");
    return parley::run_program(app, count, words, parley::run_metrics);
}
