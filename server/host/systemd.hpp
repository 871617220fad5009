// Two protocols of systemd, as plain as they are, without its library: the sockets that a service manager has
// opened for us (sd_listen_fds(3)), and what it wants to know of us (sd_notify(3)).
#pragma once

#include "common/unique_fd.hpp"

#include <string_view>
#include <vector>

namespace parley::systemd {

/// The sockets of that type (SOCK_STREAM: they listen; SOCK_DGRAM) that this process was started with; none, as
/// a rule. They are close-on-exec, and their calls wait. The variables that tell of them are gone then: no
/// child shall take them for its own. Throws std::invalid_argument where one is not what it should be.
std::vector<unique_fd> take_sockets(int type);

/// A service manager that waits to hear from us; or none, then nothing happens.
class notification {
public:
    /// Takes NOTIFY_SOCKET out of the environment. Where nobody listens there, a warning is logged.
    notification();
    ~notification();

    /// READY=1, with a status for people; and STOPPING=1 as soon as a stop is requested.
    void ready(std::string_view status) const;

private:
    unique_fd socket_;
};

} // namespace parley::systemd
