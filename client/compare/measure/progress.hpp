// Progress line on the terminal. Writes nothing if standard error is no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace parley {

class progress {
public:
    /// Writes to standard error, if that is a terminal.
    explicit progress(std::size_t steps);

    /// Erases the line.
    ~progress();
    progress(progress&&) = delete;

    /// Shows the current step, with the number of `done` steps and the estimated time left.
    void show(std::size_t done, const std::string& step) const;

private:
    std::size_t steps_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    bool is_terminal_;
};

} // namespace parley
