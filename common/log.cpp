// The log, on top of spdlog.
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

/// Writes each line by one write(2), and drops it if standard error is not writable. spdlog's own sinks use
/// stdio, which loses a line on EINTR and blocks forever if the reader is stuck. Untrusted text in a line is
/// escaped, newlines too.
class standard_error_sink : public spdlog::sinks::base_sink<std::mutex> {
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        auto text = terminal_safe({message.payload.data(), message.payload.size()});
        for (auto newline = text.find('\n'); newline != text.npos; newline = text.find('\n', newline))
            text.replace(newline, 1, "\\n");
        auto safe_message = message;
        safe_message.payload = text;
        formatter_->format(safe_message, line);
        pollfd output{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
        if (poll(&output, 1, 0) != 1 || !(output.revents & POLLOUT)) return;
        while (::write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
        }
    }
    void flush_() override {}
};

} // namespace

void set_up_log(std::string_view level) {
    constexpr std::array levels{"trace", "debug", "info", "warn", "error", "off"};
    if (std::find(levels.begin(), levels.end(), level) == levels.end())
        throw std::invalid_argument("no such log level '" + std::string{level} +
                                    "': choose trace, debug, info, warn, error or off");
    auto logger = std::make_shared<spdlog::logger>("parley", std::make_shared<standard_error_sink>());
    logger->set_pattern("%H:%M:%S.%e %P %l: %v");
    logger->set_level(spdlog::level::from_str(std::string{level}));
    spdlog::set_default_logger(std::move(logger));
}

bool log::is_detailed() { return spdlog::should_log(spdlog::level::debug); }

void log::write(severity severity, fmt::string_view format, fmt::format_args arguments) noexcept {
    constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                spdlog::level::err};
    const auto level = levels[static_cast<std::size_t>(severity)];
    if (!spdlog::should_log(level)) return;
    try {
        fmt::memory_buffer line;
        fmt::vformat_to(fmt::appender{line}, format, arguments);
        spdlog::default_logger_raw()->log(level, fmt::string_view{line.data(), line.size()});
    } catch (const std::exception&) { // no memory: the line is lost
    }
}
} // namespace parley
