#include "server/host/metrics_process.hpp"

#include "common/log.hpp"
#include "common/net/listener.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

namespace {

constexpr std::chrono::seconds patience{30};

std::string program_beside_us() {
    return std::filesystem::read_symlink("/proc/self/exe").replace_filename("parley-metrics");
}

} // namespace

unique_fd open_metrics_door(const std::string& text) {
    const auto at = address::resolve(text).front();
    if (at.type() != SOCK_STREAM || at.family() == AF_UNIX)
        throw std::invalid_argument(fmt::format("--metrics {}: write HOST:PORT, as in 127.0.0.1:9100", text));
    if (!at.is_local())
        log::warn("{}: every host that reaches this machine may read the metrics", at.to_string());
    return open_socket(at, {});
}

metrics_process::metrics_process(unique_fd door, const scoreboard& board)
    : program_{{program_beside_us()}, subprocess::errors::shown, door.get(), board.descriptors()},
      ready_line_{program_.read_line(patience)} {}

} // namespace parley
