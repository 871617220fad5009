// A loopback address for each test process. Tests run side by side, and another process may reuse a freed
// port at once. All of 127.0.0.0/8 is this machine (RFC 1122, 3.2.1.3).
#pragma once

#include <fmt/format.h>
#include <string>
#include <unistd.h>

namespace parley {

/// Returns "127.A.B.C", made of the process id (at most 22 bits, proc(5): pid_max). Bit 64 of A keeps it
/// different from 127.0.0.1.
inline std::string own_loopback() {
    const auto id = static_cast<unsigned>(getpid());
    return fmt::format("127.{}.{}.{}", 64 | (id >> 16 & 63), id >> 8 & 255, id & 255);
}

/// Returns that address with port 0: the kernel chooses the port.
inline std::string own_endpoint() { return own_loopback() + ":0"; }

} // namespace parley
