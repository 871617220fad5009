// Sends requests to a welcome server, and prints the replies. It is complete; the task is in loop.cpp.
#include "loop.hpp"

#include <charconv>
#include <cstdio>
#include <exception>
#include <string_view>

namespace {

template <class Number>
bool parse(std::string_view text, Number& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value >= 1;
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    std::uint16_t port = 0;
    std::size_t limit = 0;
    if (argument_count < 4 || !parse(arguments[1], port) || !parse(arguments[2], limit)) {
        std::fprintf(stderr, "usage: fetch PORT LIMIT REQUEST ...    (at most LIMIT at a time)\n");
        return 2;
    }
    bool has_failed = false;
    for (const auto& reply : fetch_all(port, {arguments + 3, arguments + argument_count}, limit)) {
        std::printf("%s\n", reply ? reply->c_str() : "failed");
        has_failed = has_failed || !reply;
    }
    return has_failed ? 1 : 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "fetch: %s\n", error.what());
    return 1;
}
