// The one place that prints. Standard output holds results, standard error messages. Neither ever throws: a
// message that cannot be written is dropped, and a result that cannot be written is said at the end, by
// finish_output().
#pragma once

#include <fmt/format.h>
#include <string_view>

namespace parley {

/// Writes a result to standard output, which is buffered. A failure is kept until finish_output().
void write_result(std::string_view text) noexcept;

template <class... Arguments>
void print_result(fmt::format_string<Arguments...> form, Arguments&&... arguments) {
    write_result(fmt::format(form, std::forward<Arguments>(arguments)...));
}

/// Writes out what is buffered. Returns false if it, or an earlier result, could not be written.
bool flush_results() noexcept;

/// Writes a message to standard error; drops it if that is closed, full, or a pipe without a reader.
void write_message(std::string_view text) noexcept;

template <class... Arguments>
void print_message(fmt::format_string<Arguments...> form, Arguments&&... arguments) {
    write_message(fmt::format(form, std::forward<Arguments>(arguments)...));
}

/// Writes a message to standard output, as the line that says that a server is ready: like write_message(), it
/// is dropped if it cannot be written, and leaves no failure behind.
void write_notice(std::string_view text) noexcept;

/// Ends the output of `program`: returns the exit status, which is 1 instead of `status` if a result could not
/// be written; that is said on standard error.
int finish_output(std::string_view program, int status) noexcept;

} // namespace parley
