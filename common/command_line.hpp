// What every program of parley does alike with its command line and with what goes wrong: one clear line on
// standard error, status 2 where the call was wrong, 1 where the work failed.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string>

namespace parley {

/// Adds --version; writes `examples`, a line each, below the help.
///
/// Also adds the hidden option --options-as-json. It prints what --help shows as one JSON object. The man page
/// and the completions are made from it (scripts/packaging/describe), so each option is declared once.
void describe(CLI::App& app, std::string_view examples);

/// An option whose value is a duration as parse_duration() reads it.
CLI::Option* add_duration(CLI::App& app, const std::string& names, std::chrono::milliseconds& value,
                          const std::string& description);

/// Returns what is wrong with a text as a whole number, of 0 or more; empty: nothing. CLI11 would read 010 and
/// 0x10 in base 8 and 16, and would wrap round a number that is negative or too large. run_program() checks all
/// integers with it, except those that have a type_name() and no range: they need a check() of their own.
std::string integer_error(const std::string& text);

/// Parses the words, calls `work` and returns the status for main() to return: that of `work`, or what went
/// wrong. --help and its like print, and do not call `work`. To be called before any descriptor is opened:
/// where standard input, output or error is closed, it becomes /dev/null; a result for standard output then
/// cannot be written. SIGPIPE is ignored from then on. The status
/// is 1 if standard output could not take all results: see finish_output().
int run_program(CLI::App& app, int count, char** words, const std::function<int()>& work);

} // namespace parley
