#include "common/escaped.hpp"

#include <fmt/format.h>
#include <iterator>

namespace parley {

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

} // namespace parley
