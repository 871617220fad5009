// Starts parley-metrics (--metrics): a program of its own, which sees the server only through the scoreboard.
//
// It is not a thread of the server, since a model may fork.
#pragma once

#include "common/process/subprocess.hpp"
#include "common/scoreboard/scoreboard.hpp"

#include <string>

namespace parley {

/// Opens a listening socket at `address`, HOST:PORT. Throws std::invalid_argument if it is no such address,
/// std::system_error if it cannot be bound.
unique_fd open_metrics_socket(const std::string& address);

/// Runs the program until this object is destroyed or the server ends. Create it when the server's facts are
/// published, and before the first thread starts.
class metrics_process {
public:
    /// Throws std::system_error if the program is not in the folder of this one, std::runtime_error if it does
    /// not become ready.
    metrics_process(unique_fd socket, const scoreboard& board);
    metrics_process(const metrics_process&) = delete;
    metrics_process& operator=(const metrics_process&) = delete;

    /// Stops the program and waits for its end: then its port is free for the next server.
    ~metrics_process();

    /// Returns "metrics on http://ADDRESS/metrics".
    [[nodiscard]] const std::string& ready_line() const { return ready_line_; }

private:
    subprocess program_;
    std::string ready_line_;
};

} // namespace parley
