// Runs a program that ends by itself, and returns what it printed.
#pragma once

#include "common/process/subprocess.hpp"

#include <chrono>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace parley {

struct program_result {
    int code = -1; // exit status; -1 if a signal ended it, or if it did not end
    std::string output;
    std::string errors;
    bool left_processes = false;
    bool operator==(const program_result&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const program_result& result) {
    return out << "code " << result.code << ", output '" << result.output << "', errors '" << result.errors
               << "'";
}

/// `input` is its standard input, as subprocess takes it.
inline program_result run_program(std::vector<std::string> command,
                                  std::chrono::milliseconds limit = std::chrono::seconds{60}, int input = -1) {
    subprocess program{std::move(command), subprocess::errors::kept, input};
    const auto end = program.wait(limit);
    if (!end) return {-1, program.rest_of_output(), "it does not end"};
    return {end->exit_code().value_or(-1), program.rest_of_output(), program.error_output(),
            program.left_processes()};
}

} // namespace parley
