// What Linux tells of processes (proc(5)), and waiting for it to be so: nothing else would wake us.
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

/// Asks again and again whether it is so. False: not within `patience`.
template <class Fact>
bool in_time(Fact is_so) {
    const auto deadline = std::chrono::steady_clock::now() + time_limit;
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        poll(nullptr, 0, 2);
    }
    return true;
}

inline std::ptrdiff_t open_descriptors(pid_t process) {
    const std::filesystem::directory_iterator all{"/proc/" + std::to_string(process) + "/fd"};
    return std::distance(begin(all), end(all));
}

struct process_state {
    pid_t process = 0;
    char state = '?'; // Z: a zombie
    pid_t parent = 0;
    pid_t group = 0;
};

/// All processes of which `is_meant(process_state)` holds; those that end meanwhile may be missing.
template <class Meant>
std::vector<process_state> processes_where(Meant is_meant) {
    std::vector<process_state> found;
    for (const auto& each : std::filesystem::directory_iterator{"/proc"}) {
        process_state one;
        std::ifstream file{each.path() / "stat"};
        std::string rest;
        // The name in brackets may hold anything, even brackets.
        if (!(file >> one.process) || !std::getline(file, rest)) continue;
        const auto name_end = rest.rfind(')');
        if (name_end == rest.npos) continue;
        if (std::sscanf(rest.c_str() + name_end + 1, " %c %d %d", &one.state, &one.parent, &one.group) != 3)
            continue;
        if (is_meant(one)) found.push_back(one);
    }
    return found;
}

inline std::vector<process_state> processes_in_group(pid_t group) {
    return processes_where([=](const process_state& each) { return each.group == group; });
}

/// Zombies, too.
inline std::vector<process_state> children_of(pid_t parent) {
    return processes_where([=](const process_state& each) { return each.parent == parent; });
}

inline std::ptrdiff_t zombies_in_group(pid_t group) {
    const auto all = processes_in_group(group);
    return std::ranges::count(all, 'Z', &process_state::state);
}

/// Does every thread of the group wait for something?
inline bool all_asleep(pid_t group) {
    for (const auto& each : processes_in_group(group)) {
        std::error_code gone;
        for (const auto& thread :
             std::filesystem::directory_iterator{"/proc/" + std::to_string(each.process) + "/task", gone}) {
            std::ifstream file{thread.path() / "stat"};
            std::string text;
            std::getline(file, text);
            const auto name_end = text.rfind(')');
            if (name_end == text.npos || text.compare(name_end, 3, ") S") != 0) return false;
        }
    }
    return true;
}

/// Waits until the group has nothing to do any more: five looks in a row must agree.
inline bool comes_to_rest(pid_t group) {
    int looks = 0;
    return in_time([&] {
        looks = all_asleep(group) ? looks + 1 : 0;
        return looks == 5;
    });
}

} // namespace parley
