// An address of the loopback network that no other test has: tests run side by side, and a port that one has
// just given up is at once anybody's. All of 127.0.0.0/8 is this machine (RFC 1122, 3.2.1.3).
#pragma once

#include <fmt/format.h>
#include <string>
#include <unistd.h>

namespace parley {

/// "127.A.B.C", made of the process id (at most 22 bits, proc(5): pid_max); 64 keeps it apart from 127.0.0.1.
inline std::string own_loopback() {
    const auto id = static_cast<unsigned>(getpid());
    return fmt::format("127.{}.{}.{}", 64 | (id >> 16 & 63), id >> 8 & 255, id & 255);
}

/// Any port there.
inline std::string own_door() { return own_loopback() + ":0"; }

} // namespace parley
