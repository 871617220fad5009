// Reports once that a server is ready: when its workers can serve, not when they are being started. A service
// manager relies on it: after READY=1 nothing of the start may fail any more (sd_notify(3)).
#pragma once

#include "common/unique_fd.hpp"

#include <atomic>
#include <functional>
#include <sys/types.h>

namespace parley {

class ready_report {
public:
    /// `report` is called once, in the process that made this object, by the last thread that becomes ready.
    /// Throws std::system_error.
    explicit ready_report(std::function<void()> report);
    ready_report(const ready_report&) = delete;
    ready_report& operator=(const ready_report&) = delete;

    /// Sets how many workers must be ready; 1 by default. Call it before they start.
    void expect(int workers) { missing_ = workers; }

    /// Marks the calling worker, a thread or a child process, as ready.
    void operator()();

    /// Returns a descriptor that is readable in the parent once a child process is ready: then call collect().
    /// Negative after the report.
    [[nodiscard]] int descriptor() const { return event_.get(); }

    /// Counts the child processes that have become ready since the last call.
    void collect();

private:
    void count(int workers);

    std::function<void()> report_;
    std::atomic<int> missing_ = 1; // workers that are not ready yet
    unique_fd event_;              // child processes add to it (eventfd(2))
    pid_t owner_;
};

} // namespace parley
