// A network namespace (network_namespaces(7)): a loopback, ports and counters that a test may break.
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
    /// Moves this process into a new namespace and sets its loopback up. Throws std::system_error if that is
    /// not allowed.
    network_namespace() {
        if (unshare(CLONE_NEWNET) != 0) check("unshare", [] { return unshare(CLONE_NEWUSER | CLONE_NEWNET); });
        socket_ = unique_fd{check("socket", [] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); })};
        set_loopback(IFF_UP);
    }

    /// Sets the loopback's flags: IFF_UP, or 0 for down (netdevice(7)).
    void set_loopback(short flags) const {
        ifreq request{};
        request.ifr_name[0] = 'l';
        request.ifr_name[1] = 'o';
        request.ifr_flags = flags;
        check("ioctl", [&] { return ioctl(socket_.get(), SIOCSIFFLAGS, &request); });
    }

    /// Writes /proc/sys/net/NAME. Returns false if that cannot be written here.
    [[nodiscard]] static bool set(const std::string& name, const std::string& value) {
        std::ofstream file{"/proc/sys/net/" + name};
        return static_cast<bool>((file << value).flush());
    }

private:
    unique_fd socket_;
};

/// True if this process may create a network namespace.
inline bool can_create_networks() {
    return run_in_fork([] { const network_namespace network; }) == "exit 0";
}

} // namespace parley
