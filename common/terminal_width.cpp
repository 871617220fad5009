#include "common/terminal_width.hpp"

#include <algorithm>
#include <sys/ioctl.h>

namespace parley {

namespace {

/// A character of UTF-8 begins with any byte but one of the form 10xxxxxx (RFC 3629).
bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

} // namespace

std::size_t columns_of(int descriptor) {
    constexpr std::size_t usual = 80;
    winsize size{};
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

std::string_view cut_to(std::string_view text, std::size_t columns) {
    for (std::size_t at = 0; at != text.size(); ++at)
        if (begins_character(text[at]) && columns-- == 0) return text.substr(0, at);
    return text;
}

} // namespace parley
