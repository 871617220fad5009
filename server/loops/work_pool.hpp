// Thread pool for CPU-bound work of event loops. A session is suspended while its work is done: so the replies
// of a connection keep their order, whatever the number of threads.
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
    /// The finished jobs of one loop.
    class results {
    public:
        results();

        /// An eventfd(2) that is readable while there are results to take.
        [[nodiscard]] int descriptor() const { return event_.get(); }

        /// Returns the tags of the jobs that were finished since the last call.
        [[nodiscard]] std::list<void*> take();

    private:
        friend work_pool;
        void add(std::list<void*> tag) noexcept;

        unique_fd event_;
        std::mutex mutex_;
        std::list<void*> done_;
    };

    /// At most `max_jobs` wait in the queue; a loop that submits one more waits for room. A loop submits at
    /// most one job per connection, so it never waits if `max_jobs` is the number of its connections.
    work_pool(int threads, int max_jobs);

    /// Finishes the queued jobs.
    ~work_pool();

    /// Queues `work` for one of the threads, which then adds `tag` to `destination`. Both must outlive the job.
    /// Throws std::bad_alloc; a job that was queued needs no more memory, so its result cannot be lost.
    void submit(compute work, void* tag, results& destination);

private:
    struct job {
        compute work;
        std::list<void*> tag; // a list of one, so that it can be spliced into the results without allocation
        work_pool::results* results;
    };

    bounded_queue<job> jobs_;
    worker_threads threads_;
};

} // namespace parley
