// A log of requests that survives a kill. The handout says what to do in each step: scripts/lab handout 1.
#include "common/check.hpp"
#include "common/unique_fd.hpp"
#include "entry.hpp"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

/// Reads names from standard input, one per line. Adds each to FOLDER/requests.jsonl and acknowledges it, and
/// replaces FOLDER/totals.json after every tenth and at the end.
void record(const std::string& folder) {
    // Step 2: the log. Step 3: the half line of a program that was killed. Step 4: the totals. Step 5: no room.
    std::ofstream log{folder + "/requests.jsonl"};
    std::uint64_t number = 0;
    for (std::string name; std::getline(std::cin, name);) {
        log << to_line({++number, name});
        std::printf("ok %ju\n", static_cast<std::uintmax_t>(number));
    }
    throw std::runtime_error("step 1 is missing: entries are no JSON yet");
}

/// Prints how often each name was recorded: "2 Ada".
void print_totals(const std::string&) { throw std::runtime_error("step 2 is missing: the log is not read"); }

} // namespace

int main(int argument_count, char* arguments[]) try {
    const std::string_view command = argument_count == 3 ? arguments[2] : "";
    if (command == "record") {
        record(arguments[1]);
    } else if (command == "totals") {
        print_totals(arguments[1]);
    } else {
        std::fprintf(stderr, "usage: request_log FOLDER record|totals\n");
        return 2;
    }
} catch (const std::exception& error) {
    std::fprintf(stderr, "request_log: %s\n", error.what());
    return 1;
}
