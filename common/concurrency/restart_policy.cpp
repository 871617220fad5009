// Exponential back-off for the restart of workers.
#include "common/concurrency/restart_policy.hpp"
#include "common/log.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <stdexcept>
#include <sys/wait.h>

namespace parley {

namespace {

/// Returns "worker 1 (process 4711) was killed by signal 11".
std::string describe_exit(const child_processes::exited_child& child) {
    const auto reason = WIFSIGNALED(child.status)
                            ? fmt::format("was killed by signal {}", WTERMSIG(child.status))
                            : fmt::format("ended with status {}", WEXITSTATUS(child.status));
    return fmt::format("worker {} (process {}) {}", child.number, child.process, reason);
}

} // namespace

void restart_policy::record_exit(const child_processes::exited_child& child) {
    if (child.succeeded() || child.lifetime >= early) {
        early_exits_ = 0;
        if (!child.succeeded()) log::warn("{}; another worker replaces it", describe_exit(child));
        return;
    }
    ++early_exits_;
    if (early_exits_ == max_early_exits)
        throw std::runtime_error(
            fmt::format("{} workers in a row failed within {} ms of their start; the last: {}", max_early_exits,
                        early.count(), describe_exit(child)));
    const auto backoff = std::min(first_backoff * (1 << (early_exits_ - 1)), early);
    backoff_until_ = std::chrono::steady_clock::now() + backoff;
    log::warn("{} after {} ms; the next worker starts in {} ms", describe_exit(child), child.lifetime.count(),
              backoff.count());
}

void restart_policy::record_start_failure(int error) {
    backoff_until_ = std::chrono::steady_clock::now() + first_backoff;
    if (may_log_()) log::warn("fork: {}; the other workers continue", std::strerror(error));
}

std::optional<std::chrono::milliseconds> restart_policy::backoff_left() const {
    const auto left = backoff_until_ - std::chrono::steady_clock::now();
    if (left <= left.zero()) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(left);
}

} // namespace parley
