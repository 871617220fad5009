// The command line of all programs, on top of CLI11. An error is one line on standard error. The exit status is
// 2 if the command line was wrong, and 1 if the work failed.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string>

namespace parley {

/// Sets the layout of --help (help_formatter.hpp), and prints `examples`, one per line, below it. Adds
/// --version.
///
/// Also adds the hidden option --options-as-json, which prints the content of --help as one JSON object. Man
/// pages and completions are generated from it (scripts/packaging/describe), so each option is declared once.
void describe(CLI::App& app, std::string_view examples);

/// Adds an option whose value parse_duration() reads.
CLI::Option* add_duration(CLI::App& app, const std::string& names, std::chrono::milliseconds& value,
                          const std::string& description);

/// Returns an error message if the text is not a whole number of at least 0; otherwise an empty string. CLI11
/// alone would read 010 and 0x10 in base 8 and 16, and would wrap around negative and large numbers.
/// run_program() adds this check to all integer options, except those with a type_name() but no range: they
/// need ->check(integer_error).
std::string integer_error(const std::string& text);

/// Parses the command line, calls `work` and returns the exit status of the program: that of `work`, or 1 or 2
/// after an error, or 1 if standard output could not take all results (finish_output()). --help and --version
/// print and do not call `work`.
///
/// Call it before any descriptor is opened: a closed standard input, output or error is replaced by /dev/null.
/// Results can then not be written to standard output. SIGPIPE is ignored from then on.
int run_program(CLI::App& app, int count, char** words, const std::function<int()>& work);

} // namespace parley
