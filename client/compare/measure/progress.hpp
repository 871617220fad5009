// How far a comparison is: one line on a terminal, redrawn; nothing where nobody watches.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace parley {

class progress {
public:
    /// Shows on standard error, if that is a terminal.
    explicit progress(std::size_t steps);

    /// Leaves the line empty.
    ~progress();
    progress(progress&&) = delete;

    /// Says what happens now, after `done` of the steps.
    void show(std::size_t done, const std::string& what) const;

private:
    std::size_t steps_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    bool is_seen_;
};

} // namespace parley
