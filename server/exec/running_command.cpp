#include "server/exec/running_command.hpp"

#include "common/clock.hpp"
#include "common/log.hpp"
#include "common/process/stop_signal.hpp"
#include "common/process/subprocess.hpp"

#include <algorithm>
#include <csignal>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace parley {

using std::chrono::milliseconds;

bool process_group::is_empty() const { return ::kill(-leader_, 0) != 0; }

void process_group::ask_to_end() {
    if (asked_at_) return;
    ::kill(-leader_, SIGTERM);
    asked_at_ = coarse_now();
}

void process_group::insist() const {
    if (asked_at_ && coarse_now() - *asked_at_ >= std::chrono::seconds{1}) kill();
}

void process_group::kill() const { ::kill(-leader_, SIGKILL); }

running_command::running_command(connection wire, pid_t process, scoreboard& board, int number)
    : wire_{std::move(wire)}, by_{board, number}, log_{wire_, by_}, group_{process}, began_{coarse_now()} {
    by_.notes().process.set(process);
    by_.notes().thread.set(process);
    by_.notes().now.set(activity::writing);
}

void running_command::look_after(milliseconds idle_timeout) {
    const auto quiet = quiet_for();
    if (stop_signal::requested() && quiet >= stop_signal::quiet) ::shutdown(wire_.descriptor(), SHUT_RD);
    if (stop_signal::grace_over()) group_.ask_to_end();
    if (idle_timeout.count() > 0 && quiet >= idle_timeout && !group_.is_asked()) {
        log::info("{}: idle for too long: the command is asked to end", wire_.peer().to_string());
        group_.ask_to_end();
    }
    group_.insist();
}

void running_command::ended(int status) const {
    if (status != 0)
        log::info("{}: the command ended: {}", wire_.peer().to_string(), process_end{status, {}}.to_string());
}

/// The kernel tells it of TCP only (tcp(7)); for a UNIX socket, it is the time since the beginning.
milliseconds running_command::quiet_for() const {
    tcp_info told{};
    socklen_t size = sizeof told;
    if (getsockopt(wire_.descriptor(), IPPROTO_TCP, TCP_INFO, &told, &size) == 0)
        return milliseconds{std::min(told.tcpi_last_data_recv, told.tcpi_last_data_sent)};
    return std::chrono::floor<milliseconds>(coarse_now() - began_);
}

} // namespace parley
