#include "client/conversation/framing.hpp"

#include "client/conversation/expected_response.hpp"

#include <fmt/format.h>
#include <stdexcept>

namespace parley {

std::string_view to_string(framing how) {
    switch (how) {
    case framing::none: return "none";
    case framing::line: return "line";
    case framing::u16: return "u16";
    case framing::u32: return "u32";
    }
    return "?";
}

framing parse_framing(std::string_view text) {
    for (const auto each : {framing::none, framing::line, framing::u16, framing::u32})
        if (text == to_string(each)) return each;
    throw std::invalid_argument(
        fmt::format("unknown framing {}: choose none, line, u16 or u32", in_quotes(text)));
}

std::size_t prefix_size(framing how) { return how == framing::u16 ? 2 : how == framing::u32 ? 4 : 0; }

std::string prefix_for(std::size_t size, framing how) {
    std::string text;
    for (auto left = prefix_size(how); left > 0; --left)
        text += static_cast<char>(size >> (8 * (left - 1)) & 0xff);
    return text;
}

std::string framed(std::string_view message, framing how) {
    const std::size_t most = how == framing::u16 ? 0xffff : longest_message;
    if (how != framing::none && message.size() > most)
        throw std::invalid_argument(
            fmt::format("a message of {} bytes is too long for a framing of {}: it takes {}", message.size(),
                        to_string(how), most));
    if (how == framing::line && message.find('\n') != message.npos)
        throw std::invalid_argument("a line has no newline in it: choose another --framing");
    auto text = prefix_for(message.size(), how);
    text += message;
    if (how == framing::line) text += '\n';
    return text;
}

std::size_t announced_size(std::string_view prefix) {
    std::size_t size = 0;
    for (const char each : prefix) size = size << 8 | static_cast<unsigned char>(each);
    return size;
}

} // namespace parley
