// Threads that do work for event loops, which must not do it themselves. A session is suspended while its work
// is done, so the replies of a connection keep their order, however many threads there are.
#pragma once

#include "common/concurrency/bounded_queue.hpp"
#include "common/concurrency/worker_threads.hpp"
#include "common/session/session.hpp"
#include "common/unique_fd.hpp"

#include <list>
#include <mutex>

namespace parley {

class work_pool {
public:
    /// Where a loop learns which of its jobs are done.
    class results {
    public:
        results();

        /// Readable when there is something to take (eventfd(2)).
        [[nodiscard]] int descriptor() const { return event_.get(); }

        /// The tags of the jobs done since the last call.
        [[nodiscard]] std::list<void*> take();

    private:
        friend work_pool;
        void add(std::list<void*> tag) noexcept;

        unique_fd event_;
        std::mutex mutex_;
        std::list<void*> done_;
    };

    /// `most_jobs`: as many may be waiting; a loop that would add more waits.
    work_pool(int threads, int most_jobs);
    ~work_pool();

    /// Has `work` done by one of the threads; then `tag` appears in `into`, which must live as long. Throws
    /// std::bad_alloc; later, no memory is needed.
    void submit(compute work, void* tag, results& into);

private:
    struct job {
        compute work;
        std::list<void*> tag; // one, which is handed on as it is
        results* into;
    };

    bounded_queue<job> jobs_;
    worker_threads threads_;
};

} // namespace parley
