// Says once that a server is ready: when its workers can serve, not when they are about to be started. For
// whoever started the server, ready means that nothing which may fail at the start is still to come
// (sd_notify(3)).
#pragma once

#include "common/unique_fd.hpp"

#include <atomic>
#include <functional>
#include <sys/types.h>

namespace parley {

class ready_report {
public:
    /// `tell` is called once, by the process that made this, in whichever thread is the last to be ready.
    /// Throws std::system_error.
    explicit ready_report(std::function<void()> tell);
    ready_report(const ready_report&) = delete;
    ready_report& operator=(const ready_report&) = delete;

    /// All of `workers` threads must be ready. Without this call one is enough. To be called before they start.
    void expect(int workers) { missing_ = workers; }

    /// A worker is ready to serve: a thread, or a child process, which tells its parent.
    void operator()();

    /// Readable in the parent when a child process has become ready: then collect(). Negative once all is told.
    [[nodiscard]] int descriptor() const { return news_.get(); }
    void collect();

private:
    void count(int workers);

    std::function<void()> tell_;
    std::atomic<int> missing_ = 1;
    unique_fd news_; // from child processes (eventfd(2))
    pid_t owner_;
};

} // namespace parley
