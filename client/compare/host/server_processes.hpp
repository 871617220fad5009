// All processes of a server under test, also those that have left its process group. This process becomes their
// subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)), so that orphans become its children.
#pragma once

#include "common/process/subprocess.hpp"

#include <chrono>
#include <span>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

namespace parley {

class server_processes {
public:
    /// Construct it before the server starts: existing children of this process do not belong to the server.
    server_processes();

    /// Kills and reaps the orphans of the server. Destroy it after the server.
    ~server_processes();
    server_processes(server_processes&&) = delete;

    /// Returns the tree of the server and the trees of its orphans. `load` are children that do not belong to
    /// it.
    [[nodiscard]] std::vector<pid_t> of(const subprocess& server, std::span<const pid_t> load = {}) const;

    struct rest {
        bool left_by_itself = true;
        std::vector<rusage> used; // of each process reaped here
    };

    /// Reaps the orphans after the server has ended. Members of its process group, which has had its signal,
    /// get time until `limit`. Processes outside the group are killed immediately.
    [[nodiscard]] rest reap(const subprocess& server, std::chrono::milliseconds limit) const;

private:
    std::vector<pid_t> known_;
};

} // namespace parley
