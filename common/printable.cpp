#include "common/printable.hpp"

#include <fmt/format.h>
#include <iterator>

namespace parley {

std::string printable(std::string_view untrusted) {
    std::string text;
    for (const char each : untrusted) {
        if (each == '\\')
            text += "\\\\";
        else if (each >= ' ' && each <= '~')
            text += each;
        else
            fmt::format_to(std::back_inserter(text), "\\x{:02x}", static_cast<unsigned char>(each));
    }
    return text;
}

} // namespace parley
