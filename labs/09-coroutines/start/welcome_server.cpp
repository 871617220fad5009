// The welcome server: reads its argument, and says where it listens. It is complete; the task is in loop.cpp.
#include "loop.hpp"

#include <charconv>
#include <cstdio>
#include <exception>
#include <string_view>

int main(int argument_count, char* arguments[]) try {
    const std::string_view text = argument_count == 2 ? arguments[1] : "";
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
        std::fprintf(stderr, "usage: welcome_server PORT    (0 to 65535; 0: a free one)\n");
        return 2;
    }
    run_server(port, [](std::uint16_t chosen) {
        std::printf("listening on 127.0.0.1:%d\n", chosen);
        std::fflush(stdout);
    });
} catch (const std::exception& error) {
    std::fprintf(stderr, "welcome_server: %s\n", error.what());
    return 1;
}
