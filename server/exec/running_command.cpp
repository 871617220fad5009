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
    if (terminated_at_) return;
    ::kill(-leader_, SIGTERM);
    terminated_at_ = coarse_now();
}

void process_group::kill_if_overdue() const {
    if (terminated_at_ && coarse_now() - *terminated_at_ >= std::chrono::seconds{1}) kill();
}

void process_group::kill() const { ::kill(-leader_, SIGKILL); }

running_command::running_command(connection connection, pid_t process, scoreboard& board, int number)
    : connection_{std::move(connection)},
      worker_{board, number},
      log_{connection_, worker_},
      group_{process},
      started_at_{coarse_now()} {
    worker_.stats().process.set(process);
    worker_.stats().thread.set(process);
    worker_.stats().now.set(activity::writing);
}

void running_command::check_timeouts(milliseconds idle_timeout) {
    const auto idle = idle_time();
    if (stop_signal::is_requested() && idle >= stop_signal::idle_after_stop)
        ::shutdown(connection_.descriptor(), SHUT_RD);
    if (stop_signal::is_grace_over()) group_.terminate();
    if (idle_timeout.count() > 0 && idle >= idle_timeout && !group_.is_terminating()) {
        log::info("{}: idle timeout; the command gets SIGTERM", connection_.peer().to_string());
        group_.terminate();
    }
    group_.kill_if_overdue();
}

void running_command::ended(int status) const {
    if (status != 0)
        log::info("{}: the command ended: {}", connection_.peer().to_string(),
                  process_end{status, {}}.to_string());
}

/// Returns how long nothing was received or sent. The kernel knows that for TCP only (tcp(7), TCP_INFO); for a
/// UNIX socket it is the time since the start.
milliseconds running_command::idle_time() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(connection_.descriptor(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
        return milliseconds{std::min(info.tcpi_last_data_recv, info.tcpi_last_data_sent)};
    return std::chrono::floor<milliseconds>(coarse_now() - started_at_);
}

} // namespace parley
