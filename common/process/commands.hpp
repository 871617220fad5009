// Functions for programs that end by themselves, over subprocess: run one, check its exit status, get its
// output, or connect several by pipes. Python's subprocess has the same names. A shell runs only for shell().
//
//     check_call({"make", "-j2"});
//     const auto lines = check_output(shell("ls | wc -l"));
//     const auto same = run_pipeline({{"ls"}, {"wc", "-l"}}).output;
#pragma once

#include "common/process/subprocess.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parley {

/// A program and its arguments. Each argument reaches the program as it is, also with spaces and quotes.
using command_words = std::vector<std::string>;

/// Returns the command that runs `line` in /bin/sh. A line with untrusted text can run any program: pass such
/// text as an argument of a command.
inline command_words shell(std::string line) { return {"/bin/sh", "-c", std::move(line)}; }

/// A program that failed. what() is "ls /none: exit code 2".
class called_process_error : public std::runtime_error {
public:
    called_process_error(command_words words, const process_end& end);

    [[nodiscard]] const command_words& command() const { return command_; }
    [[nodiscard]] const process_end& end() const { return end_; }

private:
    command_words command_;
    process_end end_;
};

/// The program has the standard streams of this process, unless it is told otherwise.
inline const standard_streams inherited_streams{redirection::parent(), redirection::parent(),
                                                redirection::parent()};

/// Runs a program, waits for its end, and returns it. Throws std::system_error if it cannot be started.
process_end call(const command_words& command, const standard_streams& streams = inherited_streams);

/// As call(), and throws called_process_error unless the exit code is 0.
void check_call(const command_words& command, const standard_streams& streams = inherited_streams);

/// As check_call(), and returns what the program wrote to standard output. It reads `input`. Its errors go to
/// those of this process, or with redirection::to_output() into the result.
std::string check_output(const command_words& command, std::string_view input = {},
                         const redirection& errors = redirection::parent());

struct pipeline_result {
    std::string output; // of the last program
    std::vector<process_end> ends;
};

/// Runs programs at the same time, each with the output of the one before it as its input, and waits for all.
/// The first reads `input`. Throws std::system_error if one cannot be started; then the others are killed.
pipeline_result run_pipeline(const std::vector<command_words>& commands, std::string_view input = {});

} // namespace parley
