#include "server/loops/work_pool.hpp"

#include "common/check.hpp"

#include <sys/eventfd.h>
#include <utility>

namespace parley {

work_pool::results::results()
    : event_{check("eventfd", [] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); })} {}

/// Resets the eventfd before it takes the results: a job that ends in between makes it readable again. In the
/// other order that job's event would be lost.
std::list<void*> work_pool::results::take() {
    std::uint64_t count;
    [[maybe_unused]] const auto size = ::read(event_.get(), &count, sizeof count);
    const std::lock_guard lock{mutex_};
    return std::exchange(done_, {});
}

void work_pool::results::add(std::list<void*> tag) noexcept {
    {
        const std::lock_guard lock{mutex_};
        done_.splice(done_.end(), tag);
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto size = ::write(event_.get(), &one, sizeof one);
}

work_pool::work_pool(int threads, int max_jobs) : jobs_{static_cast<std::size_t>(max_jobs)}, threads_{threads} {
    for (int i = 0; i < threads; ++i)
        threads_.start(worker_threads::work{[this](int) {
            while (auto next = jobs_.pop()) {
                next->work();
                next->results->add(std::move(next->tag));
            }
        }});
}

work_pool::~work_pool() {
    jobs_.close();
    threads_.join();
}

void work_pool::submit(compute work, void* tag, results& destination) {
    job new_job{work, {tag}, &destination};
    jobs_.push(new_job, [] { return false; });
}

} // namespace parley
