// The commands of the model exec, from their start until nothing is left of them: running commands, connections
// that are closed with a linger, and orphans, the processes that an ended command has left running.
#pragma once

#include "common/concurrency/child_processes.hpp"
#include "server/accept/admission.hpp"
#include "server/exec/child_command.hpp"
#include "server/exec/lingering_close.hpp"
#include "server/exec/running_command.hpp"
#include "server/loops/timeout_schedule.hpp"
#include "server/model.hpp"

#include <chrono>
#include <optional>
#include <unordered_map>
#include <vector>

namespace parley {

class command_group {
public:
    /// Makes this process the subreaper of the commands' orphans (PR_SET_CHILD_SUBREAPER, prctl(2)).
    explicit command_group(const model_options& options);

    /// True if one more command may run. Orphans do not count: they may run for ever, as a daemon does.
    [[nodiscard]] bool has_room() const;

    /// Starts a command for `client` and resets it. If no process can be created now, `client` stays: returns
    /// after a back-off of `listener` has begun.
    void start(std::optional<connection>& client, listener& listener);

    /// Reaps ended commands and checks the timeouts of the others. Call it if a descriptor is readable, and
    /// after check_interval().
    void maintain();

    /// Returns how long maintain() may be put off; nullopt if there is nothing to check.
    [[nodiscard]] std::optional<std::chrono::milliseconds> check_interval() const;

    /// Readable if a child has ended.
    [[nodiscard]] int child_descriptor() const { return children_.descriptor(); }
    /// Readable if a lingering connection needs maintain().
    [[nodiscard]] int lingering_descriptor() const { return lingering_.descriptor(); }

    /// Waits until all commands and their orphans have ended. Call it after a shutdown request.
    void wait_for_all();

private:
    bool start_command(connection& client);
    void end(const child_processes::exited_child& child);

    const model_options& options_;
    command command_;
    child_processes children_;
    std::unordered_map<pid_t, running_command> running_;
    std::vector<process_group> orphans_; // of commands that have ended
    lingering_close lingering_;
    admission admission_;
    timeout_schedule timeouts_{options_.idle_timeout};
};

} // namespace parley
