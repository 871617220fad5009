// Command line of the welcome examples: [server | client] [PLACE]. Without a role, server and client run in one
// program. PLACE is a port or a path.
#pragma once

#include "common/net/address.hpp"
#include "common/unique_fd.hpp"
#include "labs/examples/print_line.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace parley {

struct welcome_options {
    enum class role { both, server, client };

    role role = role::both;
    std::optional<std::string> place;

    /// Throws std::invalid_argument if there are too many arguments.
    welcome_options(int count, char* arguments[]) {
        int i = 1;
        if (i < count && std::string_view{arguments[i]} == "server")
            role = role::server, ++i;
        else if (i < count && std::string_view{arguments[i]} == "client")
            role = role::client, ++i;
        if (i < count) place = arguments[i++];
        if (i < count)
            throw std::invalid_argument("too many arguments: write [server | client] [PORT or PATH]");
    }

    /// Returns the port, 9999 by default. Throws std::invalid_argument if it is not a number up to 65535.
    [[nodiscard]] in_port_t port() const { return parse_endpoint("127.0.0.1:" + place.value_or("9999")).port; }
};

/// Returns open(place). If its port is taken, opens one that the kernel chooses.
template <class Open>
unique_fd open_near(const address& place, Open open) try {
    return open(place);
} catch (const std::system_error& error) {
    if (error.code() != std::errc::address_in_use) throw;
    print_line("Port {} is taken. The kernel chooses another one.", place.port());
    return open(place.with_port(0));
}

} // namespace parley
