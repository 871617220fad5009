// The only place that prints: results go to standard output, messages to standard error. No function throws. A
// message that cannot be written is dropped. A result that cannot be written is reported at the end by
// finish_output().
#pragma once

#include <fmt/format.h>
#include <string_view>

namespace parley {

/// Writes a result to standard output, which is buffered. finish_output() reports a failure.
void write_result(std::string_view text) noexcept;

template <class... Arguments>
void print_result(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write_result(fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Flushes standard output. Returns false if this or an earlier result could not be written.
bool flush_results() noexcept;

/// Writes a message to standard error. Drops it if standard error is closed, full, or a pipe without a reader.
void write_message(std::string_view text) noexcept;

template <class... Arguments>
void print_message(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write_message(fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Writes a message to standard output, such as the ready line of a server. It is dropped if it cannot be
/// written, and finish_output() does not report that.
void write_notice(std::string_view text) noexcept;

/// Flushes the output of `program` and returns its exit status: `status`, or 1 if a result could not be
/// written, which is reported on standard error.
int finish_output(std::string_view program, int status) noexcept;

} // namespace parley
