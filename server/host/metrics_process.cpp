#include "server/host/metrics_process.hpp"

#include "common/log.hpp"
#include "common/net/listener.hpp"

#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

namespace {

/// How long the program may take to become ready: it takes milliseconds, but a machine may be overloaded.
constexpr std::chrono::seconds start_limit{30};

/// How long the program may take to stop: longer than it needs (milliseconds), but short enough for a server
/// whose end waits for it.
constexpr std::chrono::seconds stop_limit{2};

std::string metrics_program() {
    return std::filesystem::read_symlink("/proc/self/exe").replace_filename("parley-metrics");
}

} // namespace

unique_fd open_metrics_socket(const std::string& text) {
    const auto address = address::resolve(text).front();
    if (address.type() != SOCK_STREAM || address.family() == AF_UNIX)
        throw std::invalid_argument(fmt::format("--metrics {}: write HOST:PORT, as in 127.0.0.1:9100", text));
    if (!address.is_local())
        log::warn("{}: every host that reaches this machine may read the metrics", address.to_string());
    return open_socket(address, {});
}

metrics_process::metrics_process(unique_fd socket, const scoreboard& board)
    : program_{{metrics_program()}, subprocess::errors::shown, socket.get(), board.descriptors()},
      ready_line_{program_.read_line(start_limit)} {}

/// SIGTERM, not SIGKILL: if the program were killed, its worker could hold the listening socket longer than the
/// server runs.
metrics_process::~metrics_process() {
    try {
        program_.signal(SIGTERM);
        program_.wait(stop_limit);
    } catch (const std::exception& error) {
        log::warn("parley-metrics: {}", error.what());
    }
}

} // namespace parley
