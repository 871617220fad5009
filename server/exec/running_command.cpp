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

void process_group::terminate() {
    if (asked_at_) return;
    ::kill(-leader_, SIGTERM);
    asked_at_ = coarse_now();
}

void process_group::kill_if_overdue() const {
    if (asked_at_ && coarse_now() - *asked_at_ >= std::chrono::seconds{1}) kill();
}

void process_group::kill() const { ::kill(-leader_, SIGKILL); }

running_command::running_command(connection connection, pid_t process, scoreboard& board, int number)
    : connection_{std::move(connection)},
      by_{board, number},
      log_{connection_, by_},
      group_{process},
      began_{coarse_now()} {
    by_.stats().process.set(process);
    by_.stats().thread.set(process);
    by_.stats().now.set(activity::writing);
}

void running_command::check_timeouts(milliseconds idle_timeout) {
    const auto idle_after_stop = quiet_for();
    if (stop_signal::is_requested() && idle_after_stop >= stop_signal::idle_after_stop)
        ::shutdown(connection_.descriptor(), SHUT_RD);
    if (stop_signal::is_grace_over()) group_.terminate();
    if (idle_timeout.count() > 0 && idle_after_stop >= idle_timeout && !group_.is_asked()) {
        log::info("{}: idle for too long: the command is asked to end", connection_.peer().to_string());
        group_.terminate();
    }
    group_.kill_if_overdue();
}

void running_command::ended(int status) const {
    if (status != 0)
        log::info("{}: the command ended: {}", connection_.peer().to_string(),
                  process_end{status, {}}.to_string());
}

/// The kernel tells it of TCP only (tcp(7)); for a UNIX socket, it is the time since the beginning.
milliseconds running_command::quiet_for() const {
    tcp_info told{};
    socklen_t size = sizeof told;
    if (getsockopt(connection_.descriptor(), IPPROTO_TCP, TCP_INFO, &told, &size) == 0)
        return milliseconds{std::min(told.tcpi_last_data_recv, told.tcpi_last_data_sent)};
    return std::chrono::floor<milliseconds>(coarse_now() - began_);
}

} // namespace parley
