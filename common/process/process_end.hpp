// How a child process ended (wait4(2)).
#pragma once

#include <optional>
#include <string>
#include <sys/resource.h>

namespace parley {

/// How a process ended, and the resources that it used.
struct process_end {
    int status = 0; // as wait(2) returns it
    rusage used{};  // by the process and by all the children that it waited for

    /// Returns nullopt if a signal killed the process.
    [[nodiscard]] std::optional<int> exit_code() const;

    /// Returns the signal that killed the process, or nullopt if it exited.
    [[nodiscard]] std::optional<int> signal() const;

    /// Returns "exit code 1" or "killed by SIGTERM".
    [[nodiscard]] std::string to_string() const;
};

} // namespace parley
