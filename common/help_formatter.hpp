// Layout of --help for all programs, on top of CLI11's formatter.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace parley {

/// Prints names, value and default of each option, and its description in a column of its own. Descriptions are
/// wrapped at the width of the terminal, but at 80 columns at least and 100 at most. Unlike CLI11, it does not
/// list the options that an option needs or excludes: the error message names them if they are missing or
/// combined.
class help_formatter : public CLI::Formatter {
public:
    [[nodiscard]] std::string make_option_opts(const CLI::Option* option) const override;
    std::string make_option(const CLI::Option* option, bool is_positional) const override;
    [[nodiscard]] std::string make_description(const CLI::App* app) const override;
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

} // namespace parley
