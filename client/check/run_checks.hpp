// Runs the checks of a level, one after the other, each with its own server and time limit.
#pragma once

#include "client/check/check_table.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

struct check_outcome {
    const server_check* check = nullptr;
    std::string_view family{};
    verdict is = verdict::passed;
    std::string text{};                       // what came instead; why it was skipped; a remark if it passed
    std::string hint{};                       // id, if it failed
    std::string told_with{};                  // id of an earlier failure with the same cause; empty: told here
    std::vector<time_line_entry> time_line{}; // of a failure
    std::vector<std::string> facts{};         // of /proc when it failed
    bool is_unmet = false;                    // skipped since the first check of all failed
    bool is_late = false;                     // it failed by a time limit
    int survivors = 0;                        // processes that had to be killed after the server's end
    std::chrono::milliseconds time{};
};

struct check_selection {
    level up_to = level::normal;
    std::vector<std::string> only; // ids; empty: all
};

/// Runs the checks. Calls `on_begin(check)` before each. A check that fails by a time limit on a busy machine
/// is run again, with longer limits; if it passes then, its result is not_sure.
std::vector<check_outcome> run_checks(const profile& profile, const server_promise& promise,
                                      const check_selection& selection,
                                      const std::function<void(const server_check&)>& on_begin);

} // namespace parley
