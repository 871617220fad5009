// parley-metrics: serves a server's scoreboard over HTTP, in a process of its own, so that the server, whose
// models may fork, has no thread and no library for it. parley-server --metrics starts it, with a listening
// socket as its standard input and the scoreboard among its descriptors.
#include "common/address.hpp"
#include "common/command_line.hpp"
#include "common/output.hpp"
#include "server/metrics/exposition.hpp"
#include "server/metrics/http_server.hpp"

#include <fmt/format.h>
#include <mutex>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace parley {

namespace {

bool is_listening(int descriptor) {
    int listens = 0;
    socklen_t size = sizeof listens;
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens == 1;
}

int run_metrics() {
    if (!is_listening(STDIN_FILENO))
        throw std::invalid_argument("started by parley-server --metrics ADDRESS, not by hand");
    const rlimit few{.rlim_cur = 64, .rlim_max = 64}; // bounds its clients
    setrlimit(RLIMIT_NOFILE, &few);

    scoreboard_view view{getpid()}; // the server's, which we have inherited
    std::mutex one_at_a_time;
    write_notice(fmt::format("metrics on http://{}/metrics\n", address::of(STDIN_FILENO).to_string()));
    serve_metrics(unique_fd{STDIN_FILENO}, [&] {
        const std::lock_guard held{one_at_a_time};
        const auto now = view.look();
        return now ? metrics_of(view.server(), *now) : std::string{};
    });
    throw std::runtime_error("the listening socket has failed");
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
