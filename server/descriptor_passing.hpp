// Passing connections from a parent to its workers: a socket pair to each, and one pipe on which they say that
// they are idle. The descriptor travels as ancillary data (SCM_RIGHTS, unix(7)).
#pragma once

#include "common/connection.hpp"
#include "common/log.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace parley {

class descriptor_passing {
public:
    /// For workers numbered from 1 to `most`. To be made before they are forked.
    explicit descriptor_passing(int most);

    // In the parent.

    /// Readable when a worker has become idle: then collect_idle().
    [[nodiscard]] int descriptor() const { return idle_.reading.get(); }
    void collect_idle();
    [[nodiscard]] bool any_idle() const { return std::ranges::find(is_idle_, true) != is_idle_.end(); }

    /// To the first idle worker, as Stevens does it, so that the first ones do most of the work. If that worker
    /// dies before it takes the connection, its successor finds it. Where it cannot be passed (sendmsg(2):
    /// ENOBUFS, ENOMEM ...), it ends when `wire` does, and the worker stays idle.
    void pass(const connection& wire);

    // In a worker.

    /// Keeps only what the worker of that number needs.
    void become_worker(int number);

    /// Says that this worker is idle, and waits for a connection. Nothing: a stop was requested.
    [[nodiscard]] std::optional<connection> receive();

private:
    struct one_way {
        unique_fd reading, writing;
    };

    std::vector<one_way> inboxes_; // [number - 1]
    one_way idle_;
    std::vector<bool> is_idle_; // [number - 1]
    once_a_second complain_;
    int own_number_ = 0;
    unique_fd inbox_;
};

} // namespace parley
