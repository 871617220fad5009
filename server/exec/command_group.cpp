#include "server/exec/command_group.hpp"

#include "common/clock.hpp"
#include "common/process/stop_signal.hpp"

#include <functional>
#include <new>
#include <poll.h>
#include <sys/prctl.h>
#include <utility>

namespace parley {

command_group::command_group(const model_options& options)
    : options_{options}, command_{options.command}, children_{options.max_connections} {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

bool command_group::has_room() const {
    return running_.size() + lingering_.count() < static_cast<std::size_t>(options_.max_connections);
}

void command_group::start(std::optional<connection>& client, listener& listener) {
    const auto begin = [&] {
        if (!start_command(*client)) return listener.back_off("fork", errno);
        client.reset();
    };
    if (!admission_.try_admit(begin)) client.reset();
}

bool command_group::start_command(connection& client) {
    // Places for all running commands: end() must not allocate.
    orphans_.reserve(orphans_.size() + running_.size() + 1);
    int number = 0;
    pid_t process = 0;
    const auto spawn = [&](int free_number) {
        number = free_number;
        return process = command_.start(client);
    };
    if (!children_.start_with(std::ref(spawn))) return false;
    try {
        running_.try_emplace(process, std::move(client), process, options_.board, number);
    } catch (const std::bad_alloc&) {
        process_group{process}.kill();
        throw;
    }
    return true;
}

void command_group::maintain() {
    while (const auto child = children_.reap()) end(*child);
    lingering_.maintain();
    const auto now = coarse_now();
    if (!timeouts_.is_due(now)) return;
    for (auto& [process, command] : running_) command.check_timeouts(options_.idle_timeout);
    std::erase_if(orphans_, [](auto& group) { return group.is_empty(); });
    if (!stop_signal::is_requested()) return;
    for (auto& group : orphans_) {
        group.terminate();
        group.kill_if_overdue();
    }
}

void command_group::end(const child_processes::exited_child& child) {
    const auto found = running_.find(child.process);
    if (found == running_.end()) return; // killed by start_command(), which had no memory for it
    auto& command = found->second;
    command.ended(child.status);
    // Orphans of the command may still use the connection.
    if (command.group().is_empty())
        lingering_.add(std::move(command.get_connection()));
    else
        orphans_.push_back(command.group());
    running_.erase(found);
}

std::optional<std::chrono::milliseconds> command_group::check_interval() const {
    if (running_.empty() && orphans_.empty() && lingering_.count() == 0) return std::nullopt;
    return timeouts_.interval();
}

void command_group::wait_for_all() {
    while (!running_.empty() || !orphans_.empty()) {
        pollfd ends{.fd = children_.descriptor(), .events = POLLIN, .revents = 0};
        poll(&ends, 1, static_cast<int>(stop_signal::wake_interval.count()));
        maintain();
    }
}

} // namespace parley
