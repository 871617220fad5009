// Two protocols of systemd, implemented without its library: socket activation (sd_listen_fds(3)) and readiness
// notification (sd_notify(3)).
#pragma once

#include "common/unique_fd.hpp"

#include <string_view>
#include <vector>

namespace parley::systemd {

/// Returns the sockets that this process inherited from a service manager; none if it was not started by one.
/// They are made close-on-exec and blocking. Unsets the variables that announce them, since a child must not
/// take the sockets for its own. Throws std::invalid_argument if a descriptor is no socket of `type`
/// (SOCK_STREAM: listening; or SOCK_DGRAM).
std::vector<unique_fd> take_sockets(int type);

/// Notifies the service manager that started this process, if there is one.
class notification {
public:
    /// Takes NOTIFY_SOCKET out of the environment. If that socket cannot be reached, a warning is logged.
    notification();
    ~notification();

    /// Sends READY=1 with a status text; and STOPPING=1 as soon as shutdown is requested.
    void ready(std::string_view status) const;

private:
    unique_fd socket_;
};

} // namespace parley::systemd
