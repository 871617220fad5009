// The width of a terminal, and of text on it. Displays that redraw lines need it: a line that wraps cannot be
// redrawn.
#pragma once

#include <cstddef>
#include <string_view>

namespace parley {

/// Returns the current columns of the terminal behind `descriptor` (TIOCGWINSZ, ioctl_tty(2)); 80 if it is no
/// terminal or its size is unknown.
std::size_t columns_of(int descriptor);

/// Returns the columns of UTF-8 text without control characters: one per character.
std::size_t width_of(std::string_view text);

/// Returns the longest prefix of `text` that fits into `columns`.
std::string_view cut_to(std::string_view text, std::size_t columns);

} // namespace parley
