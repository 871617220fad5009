// When a worker that has died is replaced: at once as a rule; ever later where workers die as soon as they
// begin; and not for ever, since a server none of whose workers lives must say so and end.
#pragma once

#include "common/concurrency/child_processes.hpp"
#include "common/log.hpp"

#include <chrono>
#include <optional>

namespace parley {

class restart_policy {
public:
    /// A worker has ended: says so in the log where it was not well. Throws std::runtime_error after
    /// `max_early_exits` early deaths in a row.
    void ended(const child_processes::exited_child& child);

    /// A worker could not be started, with this errno: it is tried again after a moment.
    void failed_to_start(int error);

    /// How long no worker may be started. Nothing, as a rule.
    [[nodiscard]] std::optional<std::chrono::milliseconds> backoff_left() const;

    static constexpr int max_early_exits = 10;
    static constexpr std::chrono::milliseconds early{1000};
    static constexpr std::chrono::milliseconds first_wait{50}; // doubled with each early death, up to a second

private:
    int early_deaths_ = 0;
    std::chrono::steady_clock::time_point wait_until_{};
    once_a_second complain_;
};

} // namespace parley
