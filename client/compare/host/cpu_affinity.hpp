// CPU affinity (sched_setaffinity(2)) of the calling thread. A program that this thread starts inherits it.
#pragma once

#include "common/process/processors.hpp"

#include <sched.h>
#include <vector>

namespace parley {

class cpu_affinity {
public:
    /// Restricts the calling thread to `cores` until destruction. Throws std::system_error if that fails.
    explicit cpu_affinity(const std::vector<int>& cores);
    ~cpu_affinity();
    cpu_affinity(cpu_affinity&&) = delete;

private:
    cpu_set_t before_;
};

} // namespace parley
