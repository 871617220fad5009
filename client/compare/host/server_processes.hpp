// All processes of a server under measurement, also those that have left its process group: this process is
// made their subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)), so that whatever loses its parent becomes a child of
// this process.
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
    /// To be made before the server starts: children that this process has already do not belong to it.
    server_processes();

    /// Kills and reaps what the server has left behind. To be destroyed after the server.
    ~server_processes();
    server_processes(server_processes&&) = delete;

    /// The server's tree, and the trees of what has lost its parent; `load` are children that do not belong to
    /// it.
    [[nodiscard]] std::vector<pid_t> of(const subprocess& server, std::span<const pid_t> load = {}) const;

    struct rest {
        bool left_by_itself = true;
        std::vector<rusage> used; // by each process that was waited for here
    };

    /// Once the server has ended: waits for what it has left behind. Its process group has had its signal, and
    /// gets time until `limit`; what is outside of the group is killed at once.
    [[nodiscard]] rest reap(const subprocess& server, std::chrono::milliseconds limit) const;

private:
    std::vector<pid_t> known_;
};

} // namespace parley
