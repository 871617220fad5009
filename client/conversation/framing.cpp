#include "client/conversation/framing.hpp"

#include "client/conversation/expected_response.hpp"

#include <fmt/format.h>
#include <stdexcept>

namespace parley {

std::string_view to_string(framing framing) {
    switch (framing) {
    case framing::none: return "none";
    case framing::line: return "line";
    case framing::u16: return "u16";
    case framing::u32: return "u32";
    }
    return "?";
}

framing parse_framing(std::string_view text) {
    for (const auto value : {framing::none, framing::line, framing::u16, framing::u32})
        if (text == to_string(value)) return value;
    throw std::invalid_argument(
        fmt::format("unknown framing {}: choose none, line, u16 or u32", in_quotes(text)));
}

std::size_t prefix_size(framing framing) {
    return framing == framing::u16 ? 2 : framing == framing::u32 ? 4 : 0;
}

std::string prefix_for(std::size_t size, framing framing) {
    std::string text;
    for (auto left = prefix_size(framing); left > 0; --left)
        text += static_cast<char>(size >> (8 * (left - 1)) & 0xff);
    return text;
}

std::string framed(std::string_view message, framing framing) {
    const std::size_t most = framing == framing::u16 ? 0xffff : longest_message;
    if (framing != framing::none && message.size() > most)
        throw std::invalid_argument(
            fmt::format("a message of {} bytes is too long for framing {}: at most {} bytes", message.size(),
                        to_string(framing), most));
    if (framing == framing::line && message.find('\n') != message.npos)
        throw std::invalid_argument("a line cannot contain a newline: choose another --framing");
    auto text = prefix_for(message.size(), framing);
    text += message;
    if (framing == framing::line) text += '\n';
    return text;
}

std::size_t announced_size(std::string_view prefix) {
    std::size_t size = 0;
    for (const char byte : prefix) size = size << 8 | static_cast<unsigned char>(byte);
    return size;
}

} // namespace parley
