#include "common/help_formatter.hpp"
#include "common/wrap_text.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <memory>
#include <sstream>

namespace parley {

TEST_CASE("a text is wrapped at spaces, and keeps its own line breaks") {
    CHECK(wrap_text("", 10) == "");
    CHECK(wrap_text("one two", 10) == "one two");
    CHECK(wrap_text("one two three", 7) == "one two\nthree");
    CHECK(wrap_text("one two", 6) == "one\ntwo");
    CHECK(wrap_text("one\ntwo\n", 10) == "one\ntwo\n");
    CHECK(wrap_text("verylongword two", 4) == "verylongword\ntwo");
}

TEST_CASE("further lines of a wrapped text are indented, and the indent counts") {
    CHECK(wrap_text("one two", 9, 2) == "one two");
    CHECK(wrap_text("one two", 8, 2) == "one\n  two");
    CHECK(wrap_text("one\ntwo", 20, 4) == "one\n    two");
}

TEST_CASE("a character of several bytes takes one column") { CHECK(wrap_text("ä ö ü", 5) == "ä ö ü"); }

TEST_CASE("the help of an option has its default, and not the options that it needs or excludes") {
    CLI::App app{"Serves.", "program"};
    app.formatter(std::make_shared<help_formatter>());
    app.get_formatter()->column_width(34);
    int workers = 7;
    bool is_quick = false;
    auto* number = app.add_option("-w,--workers", workers, "number of workers")->capture_default_str();
    auto* quick = app.add_flag("--quick", is_quick, "fewer of them")->excludes(number);
    app.add_flag("--again", is_quick, "once more")->needs(quick);
    const auto help = app.help();
    const auto has_line = [&](std::string option, const std::string& description) {
        option.resize(34, ' ');
        return help.find(option + description + '\n') != std::string::npos;
    };
    // CLI11 2.3 writes "INT=7", and 2.4 "INT [7]".
    CHECK((has_line("  -w,--workers INT=7", "number of workers") ||
           has_line("  -w,--workers INT [7]", "number of workers")));
    CHECK(has_line("  --quick", "fewer of them"));
    CHECK(has_line("  --again", "once more"));
    CHECK(help.find("Excludes") == std::string::npos);
    CHECK(help.find("Needs") == std::string::npos);
}

TEST_CASE("one blank line separates groups of options") {
    CLI::App app{"Serves.", "program"};
    app.formatter(std::make_shared<help_formatter>());
    app.footer("examples:\n  program");
    bool is_set = false;
    app.add_flag("--first", is_set, "of a group")->group("One");
    app.add_flag("--second", is_set, "of another")->group("Two");
    const auto help = app.help();
    CHECK(help.find("\n\nOne:\n") != std::string::npos);
    CHECK(help.find("\n\nTwo:\n") != std::string::npos);
    CHECK(help.find("\n\nexamples:\n") != std::string::npos);
    CHECK(help.find("\n\n\n") == std::string::npos);
}

TEST_CASE("a description longer than a line continues in its column") {
    CLI::App app{"Serves.", "program"};
    app.formatter(std::make_shared<help_formatter>());
    app.get_formatter()->column_width(34);
    std::string words;
    for (int i = 0; i != 60; ++i) words += "word ";
    bool is_set = false;
    app.add_flag("--a-name-that-is-longer-than-its-column", is_set, words);
    std::istringstream help{app.help()};
    int lines_of_words = 0;
    for (std::string line; std::getline(help, line);) {
        CHECK(line.size() <= 100);
        if (line.find("word") == std::string::npos) continue;
        ++lines_of_words;
        CHECK(line.find("word") == 34);
    }
    CHECK(lines_of_words >= 4);
}

} // namespace parley
