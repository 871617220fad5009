// Output of the examples, a line at a time. Each line is written at once and by one write(2), also to a pipe or
// a file, so the lines of several processes and threads stay whole and have the order of the events.
#pragma once

#include "common/check.hpp"

#include <cstdio>
#include <fmt/core.h>
#include <utility>

namespace parley {

/// Writes a formatted line to standard output. Throws std::system_error if it cannot be written.
template <class... Arguments>
void print_line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    const auto line = fmt::format(format, std::forward<Arguments>(arguments)...) + '\n';
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fflush(stdout) != 0)
        throw_errno("write", "standard output");
}

} // namespace parley
