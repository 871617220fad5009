// Counts columns as UTF-8 characters. Wide and combining characters are not recognised.
#include "common/terminal_width.hpp"
#include <algorithm>
#include <sys/ioctl.h>

namespace parley {

namespace {

/// True for the first byte of a UTF-8 character: any byte except 10xxxxxx (RFC 3629).
bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

} // namespace

std::size_t columns_of(int descriptor) {
    constexpr std::size_t default_columns = 80; // of the VT100, and of terminals since
    winsize size{};
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : default_columns;
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

std::string_view cut_to(std::string_view text, std::size_t columns) {
    for (std::size_t i = 0; i != text.size(); ++i)
        if (begins_character(text[i]) && columns-- == 0) return text.substr(0, i);
    return text;
}

} // namespace parley
