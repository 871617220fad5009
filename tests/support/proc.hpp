// Reads process states from proc(5) and polls them, because /proc sends no events.
#pragma once

#include "tests/support/test_client.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <string>
#include <sys/types.h>
#include <vector>

namespace parley {

/// Calls `is_true()` every 2 ms until it returns true. Returns false if that takes longer than `time_limit`.
template <class Predicate>
bool eventually(Predicate is_true) {
    const auto deadline = std::chrono::steady_clock::now() + time_limit;
    while (!is_true()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        poll(nullptr, 0, 2);
    }
    return true;
}

inline std::ptrdiff_t open_descriptors(pid_t process) {
    const std::filesystem::directory_iterator descriptors{"/proc/" + std::to_string(process) + "/fd"};
    return std::distance(begin(descriptors), end(descriptors));
}

struct process_state {
    pid_t process = 0;
    char state = '?'; // Z: a zombie
    pid_t parent = 0;
    pid_t group = 0;
};

/// Returns the processes for which `matches(process_state)` is true. Processes that end during the search may
/// be missing.
template <class Predicate>
std::vector<process_state> find_processes(Predicate matches) {
    std::vector<process_state> found;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
        process_state process;
        std::ifstream file{entry.path() / "stat"};
        std::string rest;
        // The process name in brackets may contain any character, even brackets.
        if (!(file >> process.process) || !std::getline(file, rest)) continue;
        const auto name_end = rest.rfind(')');
        if (name_end == rest.npos) continue;
        if (std::sscanf(rest.c_str() + name_end + 1, " %c %d %d", &process.state, &process.parent,
                        &process.group) != 3)
            continue;
        if (matches(process)) found.push_back(process);
    }
    return found;
}

inline std::vector<process_state> processes_in_group(pid_t group) {
    return find_processes([=](const process_state& process) { return process.group == group; });
}

/// Returns the children of `parent`, including zombies.
inline std::vector<process_state> children_of(pid_t parent) {
    return find_processes([=](const process_state& process) { return process.parent == parent; });
}

inline std::ptrdiff_t zombies_in_group(pid_t group) {
    const auto processes = processes_in_group(group);
    return std::ranges::count(processes, 'Z', &process_state::state);
}

/// True if every thread of the group sleeps.
inline bool all_asleep(pid_t group) {
    for (const auto& process : processes_in_group(group)) {
        std::error_code ignored;
        for (const auto& thread : std::filesystem::directory_iterator{
                 "/proc/" + std::to_string(process.process) + "/task", ignored}) {
            std::ifstream file{thread.path() / "stat"};
            std::string text;
            std::getline(file, text);
            const auto name_end = text.rfind(')');
            if (name_end == text.npos || text.compare(name_end, 3, ") S") != 0) return false;
        }
    }
    return true;
}

/// Waits until the group is idle: five checks in a row must find all threads asleep, because a thread may
/// sleep for a moment between two steps.
inline bool becomes_idle(pid_t group) {
    int checks = 0;
    return eventually([&] {
        checks = all_asleep(group) ? checks + 1 : 0;
        return checks == 5;
    });
}

} // namespace parley
