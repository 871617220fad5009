// Descriptor passing from a parent to its worker processes: a socket pair to each worker, which carries
// connections as ancillary data (SCM_RIGHTS, unix(7)), and one pipe by which workers report that they have
// finished one.
//
// No flag says whether a worker is idle. It is idle if it has finished all connections that were passed to it:
// the parent counts the passed ones, the worker the finished ones, in shared memory. So a worker that is killed
// cannot leave a wrong flag.
#pragma once

#include "common/concurrency/shared_memory.hpp"
#include "common/net/connection.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace parley {

class descriptor_passing {
public:
    /// For workers with the numbers 1 to `max_workers`. Create it before they are forked.
    explicit descriptor_passing(int max_workers);

    // Functions of the parent.

    /// Readable when a worker has finished a connection: then call collect().
    [[nodiscard]] int descriptor() const { return finished_.reading.get(); }
    void collect();

    /// Returns the first worker that is_serving() and idle: like Stevens' parent, it keeps the first ones busy.
    /// Returns nullopt if there is none.
    [[nodiscard]] std::optional<int> idle_worker(const std::function<bool(int)>& is_serving) const;

    /// Returns false, with errno, if the connection cannot be passed now (sendmsg(2): ENOBUFS, ENOMEM ...).
    [[nodiscard]] bool pass(int number, const connection& connection);

    /// Call it when a worker has ended. Returns the connection that the worker had not received yet. One that
    /// it had received is lost.
    std::optional<connection> ended(int number);

    /// Makes idle workers leave: no more connections will be passed.
    void close();

    // Functions of a worker.

    /// Keeps only the descriptors that worker `number` needs.
    void become_worker(int number);

    /// Reports the previous connection as finished, and waits for the next. Returns nullopt after close() or if
    /// the parent has ended.
    ///
    /// Also returns nullopt if shutdown was requested and no connection comes within a second. A worker must
    /// not leave at once: a signal to the whole process group reaches it before the parent can pass what is in
    /// its backlog.
    [[nodiscard]] std::optional<connection> receive();

private:
    struct one_way {
        unique_fd reading, writing;
    };
    using counter = std::atomic<std::uint64_t>;

    [[nodiscard]] std::size_t index(int number) const { return static_cast<std::size_t>(number) - 1; }
    void finish();

    std::vector<one_way> inboxes_; // by index()
    one_way finished_;             // a byte per finished connection
    std::vector<std::uint64_t> passed_;
    shared_memory<counter> finished_counts_;
    int own_number_ = 0;
    bool is_serving_ = false;
    unique_fd inbox_;
};

} // namespace parley
