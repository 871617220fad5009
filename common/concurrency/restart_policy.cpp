#include "common/concurrency/restart_policy.hpp"

#include "common/log.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <stdexcept>
#include <sys/wait.h>

namespace parley {

namespace {

std::string how_it_ended(const child_processes::exited_child& child) {
    const auto how = WIFSIGNALED(child.status) ? fmt::format("was killed by signal {}", WTERMSIG(child.status))
                                               : fmt::format("ended with status {}", WEXITSTATUS(child.status));
    return fmt::format("worker {} (process {}) {}", child.number, child.process, how);
}

} // namespace

void restart_policy::ended(const child_processes::exited_child& child) {
    if (child.succeeded() || child.lived >= early) {
        early_deaths_ = 0;
        if (!child.succeeded()) log::warn("{}; another one takes its place", how_it_ended(child));
        return;
    }
    ++early_deaths_;
    if (early_deaths_ == max_early_exits)
        throw std::runtime_error(
            fmt::format("{} workers in a row died within {} ms of their beginning; the last: {}",
                        max_early_exits, early.count(), how_it_ended(child)));
    const auto wait = std::min(first_wait * (1 << (early_deaths_ - 1)), early);
    wait_until_ = std::chrono::steady_clock::now() + wait;
    log::warn("{} after {} ms; the next one begins in {} ms", how_it_ended(child), child.lived.count(),
              wait.count());
}

void restart_policy::failed_to_start(int error) {
    wait_until_ = std::chrono::steady_clock::now() + first_wait;
    if (complain_()) log::warn("fork: {}; the other workers go on", std::strerror(error));
}

std::optional<std::chrono::milliseconds> restart_policy::backoff_left() const {
    const auto left = wait_until_ - std::chrono::steady_clock::now();
    if (left <= left.zero()) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(left);
}

} // namespace parley
