#include "server/host/metrics_process.hpp"

#include "common/log.hpp"
#include "common/net/listener.hpp"

#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

namespace {

constexpr std::chrono::seconds time_limit{30};

/// Longer than an unhurried stop takes (milliseconds), short enough for a server that is to end.
constexpr std::chrono::seconds stop_limit{2};

std::string program_beside_us() {
    return std::filesystem::read_symlink("/proc/self/exe").replace_filename("parley-metrics");
}

} // namespace

unique_fd open_metrics_socket(const std::string& text) {
    const auto at = address::resolve(text).front();
    if (at.type() != SOCK_STREAM || at.family() == AF_UNIX)
        throw std::invalid_argument(fmt::format("--metrics {}: write HOST:PORT, as in 127.0.0.1:9100", text));
    if (!at.is_local())
        log::warn("{}: every host that reaches this machine may read the metrics", at.to_string());
    return open_socket(at, {});
}

metrics_process::metrics_process(unique_fd socket, const scoreboard& board)
    : program_{{program_beside_us()}, subprocess::errors::shown, socket.get(), board.descriptors()},
      ready_line_{program_.read_line(time_limit)} {}

/// If the program were only killed, its worker could hold the listening socket a moment longer than the server
/// lives.
metrics_process::~metrics_process() {
    try {
        program_.signal(SIGTERM);
        program_.wait(stop_limit);
    } catch (const std::exception& error) {
        log::warn("parley-metrics: {}", error.what());
    }
}

} // namespace parley
