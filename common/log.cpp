#include "common/log.hpp"

#include "common/escaped.hpp"

#include <array>
#include <cerrno>
#include <mutex>
#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace parley {

namespace {

/// spdlog's own sinks write through stdio, which loses a line to EINTR and waits for ever for a stuck reader.
/// Whatever text of others has got into a line, it stays one line, and harmless.
class standard_error_sink : public spdlog::sinks::base_sink<std::mutex> {
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        auto text = terminal_safe({message.payload.data(), message.payload.size()});
        for (auto at = text.find('\n'); at != text.npos; at = text.find('\n', at)) text.replace(at, 1, "\\n");
        auto harmless = message;
        harmless.payload = text;
        formatter_->format(harmless, line);
        pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
        if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT)) return;
        while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
        }
    }
    void flush_() override {}
};

} // namespace

void set_up_log(std::string_view level) {
    constexpr std::array known{"trace", "debug", "info", "warn", "error", "off"};
    if (std::find(known.begin(), known.end(), level) == known.end())
        throw std::invalid_argument("no such log level '" + std::string{level} +
                                    "': choose trace, debug, info, warn, error or off");
    auto logger = std::make_shared<spdlog::logger>("parley", std::make_shared<standard_error_sink>());
    logger->set_pattern("%H:%M:%S.%e %P %l: %v");
    logger->set_level(spdlog::level::from_str(std::string{level}));
    spdlog::set_default_logger(std::move(logger));
}

bool log::is_detailed() { return spdlog::should_log(spdlog::level::debug); }

void log::write(severity how, fmt::string_view form, fmt::format_args arguments) noexcept {
    constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                spdlog::level::err};
    const auto level = levels[static_cast<std::size_t>(how)];
    if (!spdlog::should_log(level)) return;
    try {
        fmt::memory_buffer line;
        fmt::vformat_to(fmt::appender{line}, form, arguments);
        spdlog::default_logger_raw()->log(level, fmt::string_view{line.data(), line.size()});
    } catch (const std::exception&) {
    }
}

} // namespace parley
