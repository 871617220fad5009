#include "common/concurrency/thread_pool.hpp"

namespace parley {

thread_pool::thread_pool(std::size_t threads, const std::string& name, std::size_t max_queued)
    : tasks_{max_queued} {
    if (threads == 0) throw std::invalid_argument("a thread pool needs at least one thread");
    try {
        for (std::size_t i = 0; i != threads; ++i)
            threads_.emplace_back(name + "_" + std::to_string(i), [this] {
                while (auto task = tasks_.pop()) (*task)();
            });
    } catch (...) {
        close(); // or the destructors of the threads would wait forever
        throw;
    }
}

void thread_pool::join() {
    close();
    threads_.clear(); // a jthread is joined by its destructor
}

} // namespace parley
