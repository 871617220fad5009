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

on_cores::on_cores(const std::vector<int>& cores) : before_{current()} {
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    for (const int core : cores) CPU_SET(core, &wanted);
    check("sched_setaffinity", [&] { return sched_setaffinity(0, sizeof wanted, &wanted); });
}

on_cores::~on_cores() { sched_setaffinity(0, sizeof before_, &before_); }

} // namespace parley
