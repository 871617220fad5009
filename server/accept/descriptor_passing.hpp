// Passing connections from a parent to its workers: a socket pair to each, and one pipe on which they say that
// they have finished one. The descriptor travels as ancillary data (SCM_RIGHTS, unix(7)).
//
// Whether a worker is idle is not noted anywhere: it is if all connections that were passed to it are finished.
// The parent counts the former, the worker the latter, in shared memory.
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
    /// For workers numbered from 1 to `most`. To be made before they are forked.
    explicit descriptor_passing(int most);

    // In the parent.

    /// Readable when a worker has finished a connection: then collect().
    [[nodiscard]] int descriptor() const { return finished_.reading.get(); }
    void collect();

    /// The first worker that is_serving() and idle, as Stevens chooses it, so that the first ones do most of
    /// the work. Returns nullopt if there is none.
    [[nodiscard]] std::optional<int> idle_worker(const std::function<bool(int)>& is_serving) const;

    /// Returns false, with errno, if the connection cannot be passed now (sendmsg(2): ENOBUFS, ENOMEM ...).
    [[nodiscard]] bool pass(int number, const connection& connection);

    /// The worker has ended. Returns the connection that it has not taken; what it had taken is lost with it.
    std::optional<connection> ended(int number);

    /// No more will be passed: workers that are idle leave.
    void close();

    // In a worker.

    /// Keeps only what the worker of that number needs.
    void become_worker(int number);

    /// The one before is finished; waits for the next connection. Returns nullopt after close() or the parent's
    /// end, and if a stop was requested of this process and nothing comes within a second: a signal to a whole
    /// process group reaches a worker before the parent can pass on what was in its backlog.
    [[nodiscard]] std::optional<connection> receive();

private:
    struct one_way {
        unique_fd reading, writing;
    };
    using counter = std::atomic<std::uint64_t>;

    [[nodiscard]] std::size_t index(int number) const { return static_cast<std::size_t>(number) - 1; }
    void finish();

    std::vector<one_way> inboxes_; // [number - 1]
    one_way finished_;             // a byte for each connection that is
    std::vector<std::uint64_t> passed_;
    shared_memory<counter> counts_; // of finished ones
    int own_number_ = 0;
    bool is_serving_ = false;
    unique_fd inbox_;
};

} // namespace parley
