// How wide a terminal is, and text that fits: a line that wraps cannot be drawn over again.
#pragma once

#include <cstddef>
#include <string_view>

namespace parley {

/// The columns of the terminal behind `descriptor` now (TIOCGWINSZ, ioctl_tty(2)); 80 if it does not tell, or
/// is none.
std::size_t columns_of(int descriptor);

/// How many columns UTF-8 text without control characters takes: a column per character.
std::size_t width_of(std::string_view text);

/// The beginning of `text` that takes at most so many columns.
std::string_view cut_to(std::string_view text, std::size_t columns);

} // namespace parley
