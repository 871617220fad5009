#include "client/compare/host/cpu_affinity.hpp"

#include "common/check.hpp"

namespace parley {

namespace {

cpu_set_t current() {
    cpu_set_t set;
    check("sched_getaffinity", [&] { return sched_getaffinity(0, sizeof set, &set); });
    return set;
}

} // namespace

cpu_affinity::cpu_affinity(const std::vector<int>& cores) : before_{current()} {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int core : cores) CPU_SET(core, &set);
    check("sched_setaffinity", [&] { return sched_setaffinity(0, sizeof set, &set); });
}

cpu_affinity::~cpu_affinity() { sched_setaffinity(0, sizeof before_, &before_); }

} // namespace parley
