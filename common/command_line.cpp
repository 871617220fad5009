// Option parsing with CLI11, --options-as-json, and the main function that all programs share.
#include "common/command_line.hpp"
#include "common/duration.hpp"
#include "common/escaped.hpp"
#include "common/help_formatter.hpp"
#include "common/human_numbers.hpp"
#include "common/output.hpp"

#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sstream>
#include <stdexcept>
#include <unistd.h>
#include <vector>

namespace parley {

namespace {

/// Opens /dev/null in place of a closed standard input, output or error. Otherwise the next socket would get
/// that number, and receive text that is meant for a terminal. open(2) uses the lowest free number. Standard
/// output is opened read-only, so that writing a result still fails (EBADF) instead of losing it.
void fill_standard_descriptors() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(descriptor, F_GETFD) < 0) [[maybe_unused]]
            const int filled = open("/dev/null", descriptor == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}

/// Prints an error message on one line, whatever characters a user or a library has put into it. Returns
/// `status`.
int fail(const CLI::App& app, std::string_view message, int status) {
    std::string line{message};
    for (auto& character : line)
        if (static_cast<unsigned char>(character) < ' ') character = ' ';
    print_message("{}: {}\n", app.get_name(), terminal_safe(line));
    return status;
}

/// Adds the check of integer_error() to all options with an integer value, which CLI11's type names tell.
void check_integers(CLI::App& app) {
    for (auto* const option : app.get_options({})) {
        const auto type = option->get_type_name(); // "INT", "UINT", or with a range "N:INT in [1 - 10000]"
        if (type.starts_with("INT") || type.starts_with("UINT") || type.find(":INT in ") != type.npos)
            option->check(integer_error);
    }
}

std::string json_string(std::string_view text) {
    std::string quoted{'"'};
    for (const char character : text)
        if (character == '"' || character == '\\')
            quoted += {'\\', character};
        else if (static_cast<unsigned char>(character) < ' ')
            quoted += fmt::format("\\u{:04x}", character);
        else
            quoted += character;
    return quoted + '"';
}

std::vector<std::string> names_of(const CLI::Option& option) {
    std::vector<std::string> names;
    for (const auto& name : option.get_snames()) names.push_back(json_string("-" + name));
    for (const auto& name : option.get_lnames()) names.push_back(json_string("--" + name));
    if (names.empty()) names.push_back(json_string(option.get_name(true)));
    return names;
}

std::string option_as_json(const CLI::Option& option, const CLI::Formatter& formatter) {
    const bool has_value = option.get_items_expected_max() != 0;
    const auto delimiter = option.get_delimiter();
    return fmt::format(
        R"({{"group": {}, "names": [{}], "is_positional": {}, "has_value": {}, "value": {}, "delimiter": {}, )"
        R"("signature": {}, "description": {}}})",
        json_string(option.get_group()), fmt::join(names_of(option), ", "), option.get_positional(), has_value,
        json_string(has_value ? option.get_type_name() : ""),
        json_string(delimiter != '\0' ? std::string{delimiter} : ""),
        json_string(formatter.make_option_opts(&option)), json_string(option.get_description()));
}

/// Returns the content of --help as one JSON object, without hidden options.
std::string options_as_json(const CLI::App& app) {
    const help_formatter formatter;
    std::vector<std::string> options;
    for (const auto* const option : app.get_options({}))
        if (!option->get_group().empty()) options.push_back(option_as_json(*option, formatter));
    return fmt::format(R"({{"program": {}, "version": {}, "description": {}, "footer": {}, "options": [{}]}})",
                       json_string(app.get_name()), json_string(PARLEY_VERSION),
                       json_string(app.get_description()), json_string(app.get_footer()),
                       fmt::join(options, ",\n"));
}

} // namespace

void describe(CLI::App& app, std::string_view examples) {
    app.formatter(std::make_shared<help_formatter>());
    app.set_version_flag("--version", app.get_name() + " " PARLEY_VERSION);
    // Thrown as --version is, so that options which are missing do not matter.
    app.add_flag_callback("--options-as-json",
                          [&app] {
                              throw CLI::CallForVersion{options_as_json(app), 0};
                          })
        ->group(""); // hidden: it is for scripts
    app.footer("examples:\n" + std::string{examples});
    app.get_formatter()->column_width(34); // names and values of most options fit
}

CLI::Option* add_duration(CLI::App& app, const std::string& names, std::chrono::milliseconds& value,
                          const std::string& description) {
    const auto parse = [names, &value](const CLI::results_t& words) {
        try {
            value = parse_duration(words.at(0));
            return true;
        } catch (const std::invalid_argument& error) {
            throw CLI::ValidationError(names, error.what());
        }
    };
    return app.add_option(names, parse, description)->type_name("TIME")->default_str(format_option(value));
}

std::string integer_error(const std::string& text) {
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc::result_out_of_range) return "'" + text + "' is too large";
    if (error != std::errc{} || stop != end || std::to_string(number) != text)
        return "'" + text + "' is not a plain whole number, as in 10";
    return {};
}

int run_program(CLI::App& app, int count, char** words, const std::function<int()>& work) {
    fill_standard_descriptors();
    std::signal(SIGPIPE, SIG_IGN); // if the reader of a pipe has exited, write(2) fails with EPIPE
    const auto finish = [&](int status) { return finish_output(app.get_name(), status); };
    try {
        check_integers(app);
        app.parse(count, words);
        return finish(work());
    } catch (const CLI::Success& request) { // --help, --version
        std::ostringstream text;
        const int status = app.exit(request, text, text);
        write_result(std::move(text).str());
        return finish(status);
    } catch (const CLI::ParseError& error) {
        return finish(fail(app, std::string{error.what()} + " (see --help)", 2));
    } catch (const std::invalid_argument& error) {
        return finish(fail(app, error.what(), 2));
    } catch (const std::exception& error) {
        return finish(fail(app, error.what(), 1));
    }
}

} // namespace parley
