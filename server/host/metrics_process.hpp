// --metrics: the program parley-metrics beside the server, which it sees only through the scoreboard.
#pragma once

#include "common/process/subprocess.hpp"
#include "common/scoreboard/scoreboard.hpp"

#include <string>

namespace parley {

/// A listening socket for `address`, HOST:PORT. Throws std::invalid_argument where it is none,
/// std::system_error where it cannot be bound.
unique_fd open_metrics_socket(const std::string& address);

/// Runs until it goes, or the server does. To be made once the facts are published and before the first thread.
class metrics_process {
public:
    /// Throws std::system_error where the program is not beside this one, std::runtime_error where it does not
    /// get ready.
    metrics_process(unique_fd socket, const scoreboard& board);
    metrics_process(const metrics_process&) = delete;
    metrics_process& operator=(const metrics_process&) = delete;

    /// Stops the program and waits for its end: then its port is free for the next server.
    ~metrics_process();

    /// "metrics on http://ADDRESS/metrics".
    [[nodiscard]] const std::string& ready_line() const { return ready_line_; }

private:
    subprocess program_;
    std::string ready_line_;
};

} // namespace parley
