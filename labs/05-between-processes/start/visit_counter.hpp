// A counter of visits for a server that forks a process per client, in three ways. It is made before fork(2).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

enum class counter_way {
    plain,    // an ordinary variable
    unlocked, // shared memory, without a lock
    locked    // shared memory, with a lock
};

class visit_counter {
public:
    explicit visit_counter(counter_way way);
    ~visit_counter();
    visit_counter(const visit_counter&) = delete;
    visit_counter& operator=(const visit_counter&) = delete;

    /// Adds one and returns the new value.
    std::uint64_t add_one();

    /// Keeps the lock for this time, as a process does that is slow. Only for counter_way::locked.
    void hold(std::chrono::milliseconds time);

private:
    struct content; // defined in visit_counter.cpp
    counter_way way_;
    std::unique_ptr<content> content_;
};
