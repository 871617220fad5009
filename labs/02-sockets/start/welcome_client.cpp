// The client of the welcome server: sends names, one after the other, and prints each line that it receives.
// The handout says what to do in step 5.
#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>

using parley::check;
using parley::unique_fd;

namespace {

unique_fd connect_to(in_port_t port) {
    // Step 5: socket(2), connect(2).
    throw std::runtime_error("step 5 is missing: it does not connect to port " + std::to_string(port));
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    const std::string_view text = argument_count >= 2 ? arguments[1] : "";
    in_port_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
        std::fprintf(stderr, "usage: welcome_client PORT [NAME...]    (PORT from 1 to 65535)\n");
        return 2;
    }
    const auto server = connect_to(port);
    // Step 5: print the welcome; send each name, and print the reply to it; send "exit".
} catch (const std::exception& error) {
    std::fprintf(stderr, "welcome_client: %s\n", error.what());
    return 1;
}
