#include "common/escaped.hpp"

#include <fmt/format.h>
#include <iterator>

namespace parley {

namespace {

/// The length of the printable character of UTF-8 that `text` begins with (RFC 3629); 0: it begins with none.
std::size_t printable_length(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const auto first = byte(0);
    if (first < 0x80) return first >= ' ' && first != 0x7F ? 1 : 0;
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
    for (std::size_t at = 1; at != length; ++at)
        if ((byte(at) & 0xC0) != 0x80) return 0;
    const bool is_control = first == 0xC2 && byte(1) < 0xA0;
    const bool is_overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    const bool is_no_character = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
    return is_control || is_overlong || is_no_character ? 0 : length;
}

} // namespace

std::string escaped(std::string_view untrusted) {
    std::string text;
    text.reserve(untrusted.size());
    for (const char each : untrusted) {
        switch (each) {
        case '\n': text += "\\n"; break;
        case '\r': text += "\\r"; break;
        case '\t': text += "\\t"; break;
        case '\\': text += "\\\\"; break;
        default:
            if (each >= ' ' && each <= '~')
                text += each;
            else
                fmt::format_to(std::back_inserter(text), "\\x{:02x}", static_cast<unsigned char>(each));
        }
    }
    return text;
}

std::string terminal_safe(std::string_view untrusted) {
    std::string text;
    while (!untrusted.empty()) {
        const auto length = untrusted.front() == '\n' ? 1 : printable_length(untrusted);
        text += length > 0 ? std::string{untrusted.substr(0, length)} : escaped(untrusted.substr(0, 1));
        untrusted.remove_prefix(length > 0 ? length : 1);
    }
    return text;
}

} // namespace parley
