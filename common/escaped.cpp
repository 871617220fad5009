// Escapes bytes outside of printable ASCII, or outside of printable UTF-8.
#include "common/escaped.hpp"
#include <fmt/format.h>
#include <iterator>

namespace parley {

namespace {

/// Returns the length of the printable UTF-8 character at the start of `text` (RFC 3629); 0 if there is none.
std::size_t printable_length(std::string_view text) {
    const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const auto first = byte(0);
    if (first < 0x80) return first >= ' ' && first != 0x7F ? 1 : 0;
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
    for (std::size_t i = 1; i != length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    const bool is_control = first == 0xC2 && byte(1) < 0xA0;
    const bool is_overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    // Surrogates (U+D800 to U+DFFF), or above U+10FFFF.
    const bool is_invalid = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
    return is_control || is_overlong || is_invalid ? 0 : length;
}

} // namespace

std::string escaped(std::string_view untrusted) {
    std::string text;
    text.reserve(untrusted.size());
    for (const char character : untrusted) {
        switch (character) {
        case '\n': text += "\\n"; break;
        case '\r': text += "\\r"; break;
        case '\t': text += "\\t"; break;
        case '\\': text += "\\\\"; break;
        default:
            if (character >= ' ' && character <= '~')
                text += character;
            else
                fmt::format_to(std::back_inserter(text), "\\x{:02x}", static_cast<unsigned char>(character));
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
