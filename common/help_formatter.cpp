// Composes the lines of --help.
#include "common/help_formatter.hpp"

#include "common/terminal_width.hpp"
#include "common/wrap_text.hpp"

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace parley {

namespace {

/// Longer lines are hard to read; in narrower terminals too little is left next to the names of the options.
std::size_t help_width() { return std::clamp<std::size_t>(columns_of(STDOUT_FILENO), 80, 100); }

} // namespace

std::string help_formatter::make_option_opts(const CLI::Option* option) const {
    auto text = CLI::Formatter::make_option_opts(option);
    for (const auto* list : {"Needs", "Excludes"}) // CLI11 appends both lists at the end
        text.resize(std::min(text.size(), text.find(" " + get_label(list) + ":")));
    return text;
}

std::string help_formatter::make_option(const CLI::Option* option, bool is_positional) const {
    auto line = "  " + make_option_name(option, is_positional) + make_option_opts(option);
    const auto description = make_option_desc(option);
    if (description.empty()) return line + '\n';
    const auto indent = get_column_width();
    // At least two spaces separate the columns; a longer name has a line of its own.
    const bool fits = width_of(line) + 2 <= indent;
    if (!fits) line += '\n';
    line.append(fits ? indent - width_of(line) : indent, ' ');
    return line + wrap_text(description, help_width(), indent) + '\n';
}

std::string help_formatter::make_description(const CLI::App* app) const {
    return wrap_text(CLI::Formatter::make_description(app), help_width());
}

/// CLI11 prints two blank lines between groups of options; here it is one.
std::string help_formatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
    auto help = CLI::Formatter::make_help(app, std::move(name), mode);
    for (auto gap = help.find("\n\n\n"); gap != help.npos; gap = help.find("\n\n\n", gap)) help.erase(gap, 1);
    return help;
}

} // namespace parley
