// A network of one's own (network_namespaces(7)): with its own loopback, ports and counters, to break it in.
#pragma once

#include "common/check.hpp"
#include "common/unique_fd.hpp"
#include "tests/support/run_in_fork.hpp"

#include <fstream>
#include <net/if.h>
#include <sched.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace parley {

class network_namespace {
public:
    /// Moves this process into it; its loopback is up. Throws std::system_error where that is not allowed.
    network_namespace() {
        if (unshare(CLONE_NEWNET) != 0) check("unshare", [] { return unshare(CLONE_NEWUSER | CLONE_NEWNET); });
        socket_ = unique_fd{check("socket", [] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); })};
        loopback_is(IFF_UP);
    }

    /// IFF_UP, or 0: down (netdevice(7)).
    void loopback_is(short flags) const {
        ifreq wanted{};
        wanted.ifr_name[0] = 'l';
        wanted.ifr_name[1] = 'o';
        wanted.ifr_flags = flags;
        check("ioctl", [&] { return ioctl(socket_.get(), SIOCSIFFLAGS, &wanted); });
    }

    /// Writes /proc/sys/net/NAME. False: not here.
    [[nodiscard]] static bool set(const std::string& name, const std::string& value) {
        std::ofstream file{"/proc/sys/net/" + name};
        return static_cast<bool>((file << value).flush());
    }

private:
    unique_fd socket_;
};

/// May this process have one?
inline bool networks_are_allowed() {
    return run_in_fork([] { const network_namespace ours; }) == "exit 0";
}

} // namespace parley
