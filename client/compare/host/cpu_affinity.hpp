// On which processors a program runs: what is started while this lives inherits it (sched_setaffinity(2)).
#pragma once

#include "common/process/processors.hpp"

#include <sched.h>
#include <vector>

namespace parley {

class on_cores {
public:
    /// Keeps the calling thread to `cores` as long as this lives. Throws std::system_error where that cannot
    /// be.
    explicit on_cores(const std::vector<int>& cores);
    ~on_cores();
    on_cores(on_cores&&) = delete;

private:
    cpu_set_t before_;
};

} // namespace parley
