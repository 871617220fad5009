// Tests of `cmake --install`: the programs find each other, and the man page and completions of each know its
// options.
#include "common/process/running_server.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

using namespace std::chrono_literals;

namespace parley {

namespace {

using words = std::vector<std::string>;

const words programs{"parley-client",  "parley-compare", "parley-load",
                     "parley-metrics", "parley-server",  "parley-top"};

bool is_on_path(const std::string& program) {
    return run_program({"sh", "-c", "command -v " + program}).code == 0;
}

/// An installation in a folder that is removed at the end of the tests.
class installation {
public:
    installation() {
        const auto installed =
            run_program({PARLEY_CMAKE, "--install", PARLEY_BUILD, "--prefix", folder_.path()});
        if (installed.code != 0) throw std::runtime_error("cmake --install: " + installed.errors);
    }

    [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

    [[nodiscard]] std::string text_of(const std::string& name) const {
        std::ostringstream text;
        text << std::ifstream{file(name)}.rdbuf();
        return std::move(text).str();
    }

    /// Returns the page without troff's escapes.
    [[nodiscard]] std::string man_page(const std::string& program) const {
        const auto page = run_program({"gzip", "-dc", file("share/man/man1/" + program + ".1.gz")}).output;
        const auto with_quotes = std::regex_replace(page, std::regex{R"(\\\(aq)"}, "'");
        const auto with_accents = std::regex_replace(with_quotes, std::regex{R"(\\\(ga)"}, "`");
        const auto without_marks = std::regex_replace(with_accents, std::regex{R"(\\(-|f[BIR]|&))"}, "$1");
        return std::regex_replace(without_marks, std::regex{R"(\\e)"}, R"(\)");
    }

    [[nodiscard]] nlohmann::json options_of(const std::string& program) const {
        return nlohmann::json::parse(run_program({file("bin/" + program), "--options-as-json"}).output);
    }

private:
    temporary_folder folder_;
};

const installation& installed() {
    static const installation once;
    return once;
}

/// Returns the option names at the start of the lines of --help: "  -m,--model TEXT".
std::set<std::string> options_in_help(const std::string& program) {
    const auto help = run_program({installed().file("bin/" + program), "--help"}).output;
    static const std::regex line{"(^|\n)  (--?[a-z][a-z-]*)(,(--[a-z][a-z-]*))?"};
    std::set<std::string> names;
    for (std::sregex_iterator match{help.begin(), help.end(), line}, end; match != end; ++match)
        for (const std::size_t group : {2, 4})
            if ((*match)[group].matched) names.insert((*match)[group]);
    return names;
}

/// Returns what bash offers for the last of these words.
std::set<std::string> completions(const words& command_line) {
    std::string script =
        fmt::format(". '{}'\n", installed().file("share/bash-completion/completions/" + command_line[0]));
    script += "COMP_WORDS=(";
    for (const auto& word : command_line) script += fmt::format("'{}' ", word);
    script += fmt::format(")\nCOMP_CWORD={}\n", command_line.size() - 1);
    script += "read -r _ _ function _ <<<\"$(complete -p " + command_line[0] + ")\"\n\"$function\"\n";
    script += R"([[ ${#COMPREPLY[@]} -eq 0 ]] || printf '%s\n' "${COMPREPLY[@]}")";
    const auto offered = run_program({"bash", "-c", script});
    INFO(offered.errors);
    CHECK(offered.code == 0);
    std::istringstream lines{offered.output};
    std::set<std::string> offers;
    for (std::string word; std::getline(lines, word);) offers.insert(word);
    return offers;
}

std::set<std::string> lines_of(const words& command) {
    std::istringstream lines{run_program(command).output};
    std::set<std::string> lines_set;
    for (std::string line; std::getline(lines, line);) lines_set.insert(line);
    return lines_set;
}

} // namespace

TEST_CASE("an installation has programs, man pages, completions, units, licences and documents") {
    words expected{"lib/systemd/system/parley-server.service",
                   "lib/systemd/system/parley-server.socket",
                   "share/doc/parley/copyright",
                   "share/doc/parley/README.md",
                   "share/doc/parley/CHANGELOG.md",
                   "share/doc/parley/docs/install.md",
                   "share/doc/parley/examples/override.conf"};
    for (const auto& program : programs) {
        expected.push_back("bin/" + program);
        expected.push_back("share/man/man1/" + program + ".1.gz");
        expected.push_back("share/bash-completion/completions/" + program);
        expected.push_back("share/zsh/site-functions/_" + program);
        expected.push_back("share/fish/vendor_completions.d/" + program + ".fish");
    }
    for (const auto& name : expected) {
        INFO(name);
        std::error_code missing;
        CHECK(std::filesystem::file_size(installed().file(name), missing) > 0);
        CHECK_FALSE(missing);
    }
    std::ostringstream licence;
    licence << std::ifstream{PARLEY_SOURCE "/LICENSE"}.rdbuf();
    CHECK(licence.str().size() > 100);
    CHECK(installed().text_of("share/doc/parley/copyright").find(licence.str()) != std::string::npos);
}

TEST_CASE("all programs have the project's version") {
    for (const auto& program : programs) {
        CHECK(run_program({installed().file("bin/" + program), "--version"}).output ==
              program + " " PARLEY_VERSION "\n");
        CHECK(installed().options_of(program)["version"] == PARLEY_VERSION);
        CHECK(installed().man_page(program).find("\"parley " PARLEY_VERSION "\"") != std::string::npos);
    }
}

TEST_CASE("--options-as-json says of each option what --help says, and is not in --help itself") {
    for (const auto& program : programs) {
        INFO(program);
        std::set<std::string> names;
        const auto declared = installed().options_of(program);
        for (const auto& option : declared["options"])
            if (!option["is_positional"]) names.insert(option["names"].begin(), option["names"].end());
        CHECK(names == options_in_help(program));
        CHECK(names.contains("--help"));
        CHECK_FALSE(names.contains("--options-as-json"));
    }
}

TEST_CASE("a man page names and describes every option of --help") {
    for (const auto& program : programs) {
        const auto page = installed().man_page(program);
        for (const auto& name : options_in_help(program)) {
            INFO(program, " ", name);
            CHECK(page.find("fB" + name + "fR") != std::string::npos);
        }
        const auto declared = installed().options_of(program);
        CHECK(declared["options"].size() >= 2);
        for (const auto& option : declared["options"]) {
            const auto description = option["description"].get<std::string>();
            INFO(program, ": ", description);
            CHECK(page.find(description) != std::string::npos);
        }
    }
}

TEST_CASE("man(1) reads each page without a warning") {
    if (!is_on_path("man")) {
        MESSAGE("not tested: man is missing");
        return;
    }
    for (const auto& program : programs) {
        const auto page = installed().file("share/man/man1/" + program + ".1.gz");
        const auto shown = run_program({"man", "--warnings", "-Tutf8", "-l", page});
        CHECK(shown.code == 0);
        CHECK(shown.errors.empty());
        CHECK(shown.output.find("User Commands") != std::string::npos);
    }
}

TEST_CASE("bash completes every option of --help") {
    for (const auto& program : programs)
        for (const auto& name : options_in_help(program)) {
            INFO(program, " ", name);
            CHECK(completions({program, name}).contains(name));
        }
    CHECK(completions({"parley-server", "--max-w"}) == std::set<std::string>{"--max-wait", "--max-workers"});
}

TEST_CASE("bash completes models and services by what the server lists") {
    const auto server = installed().file("bin/parley-server");
    const auto models = lines_of({server, "--list-models"});
    const auto services = lines_of({server, "--list-services"});
    CHECK(models.size() > 5);
    CHECK(completions({"parley-server", "--model", ""}) == models);
    CHECK(completions({"parley-server", "-m", ""}) == models);
    CHECK(completions({"parley-server", "--model", "=", ""}) == models); // as bash splits --model=
    CHECK(completions({"parley-server", "--model", "="}) == models);
    CHECK(completions({"parley-compare", "--models", ""}) == models);
    CHECK(completions({"parley-compare", "--models", "fork,coro"}) == std::set<std::string>{"fork,coroutine"});
    for (const auto* program : {"parley-server", "parley-client", "parley-load", "parley-compare"})
        CHECK(completions({program, "--service", ""}) == services);
}

TEST_CASE("bash completes the names of files, and nothing where a number belongs") {
    const temporary_folder folder;
    std::ofstream{folder.file("a report.json")} << "{}";
    const std::set<std::string> expected{folder.file("a report.json")};
    CHECK(completions({"parley-load", "--json", folder.file("a")}) == expected);
    CHECK(completions({"parley-compare", "--output", folder.path()}).contains(folder.path()));
    CHECK(completions({"parley-compare", "--output", folder.file("a")}).empty()); // no folder
    CHECK(completions({"parley-server", "--model", "exec", "--", "cat", folder.file("a")}) == expected);
    CHECK(completions({"parley-server", "--model", "exec", "--", "sor"}).contains("sort"));
    CHECK(completions({"parley-server", "--workers", ""}).empty());
}

TEST_CASE("each shell accepts its completions") {
    const struct {
        std::string shell, before, after;
    } rows[] = {
        {"bash", "share/bash-completion/completions/", ""},
        {"zsh", "share/zsh/site-functions/_", ""},
        {"fish", "share/fish/vendor_completions.d/", ".fish"},
    };
    for (const auto& row : rows) {
        if (!is_on_path(row.shell)) {
            MESSAGE("not tested: ", row.shell, " is missing");
            continue;
        }
        for (const auto& program : programs) {
            const auto read =
                run_program({row.shell, "-n", installed().file(row.before + program + row.after)});
            INFO(row.shell, " ", program, ": ", read.errors);
            CHECK(read.code == 0);
            CHECK(read.errors.empty());
        }
    }
}

TEST_CASE("systemd accepts the units") {
    if (!is_on_path("systemd-analyze")) {
        MESSAGE("not tested: systemd-analyze is missing");
        return;
    }
    // systemd-analyze looks for the program in /usr/local/bin and /usr/bin, where this installation is not.
    const temporary_folder folder;
    auto unit = installed().text_of("lib/systemd/system/parley-server.service");
    const std::string start = "\nExecStart=";
    REQUIRE(unit.find(start + "parley-server ") != std::string::npos);
    unit.insert(unit.find(start) + start.size(), installed().file("bin/"));
    std::ofstream{folder.file("parley-server.service")} << unit;
    std::filesystem::copy(installed().file("lib/systemd/system/parley-server.socket"), folder.path());
    const auto verified =
        run_program({"systemd-analyze", "verify", "--man=no", folder.file("parley-server.service"),
                     folder.file("parley-server.socket")});
    INFO(verified.errors);
    CHECK(verified.code == 0);
    CHECK(verified.errors.find("parley-server") == std::string::npos);
}

TEST_CASE("installed programs find each other") {
    running_server server{installed().file("bin/parley-server"), {"--metrics", "127.0.0.1:0"}};
    CHECK(server.process().read_line(60s).starts_with("metrics on http://127.0.0.1:"));
    const temporary_folder folder;
    const auto compared = run_program({installed().file("bin/parley-compare"), "--models", "no-such-model",
                                       "--output", folder.file("results")});
    // The list of models comes from the server.
    CHECK(compared.errors.find("choose iterative") != std::string::npos);
    CHECK(server.stop().end.exit_code() == 0);
}

TEST_CASE("scripts/package names its options in --help, and refuses others") {
    const auto help = run_program({PARLEY_SOURCE "/scripts/package", "--help"});
    CHECK(help.code == 0);
    for (const auto* option : {"--check", "--help", "PARLEY_MIRROR"})
        CHECK(help.output.find(option) != std::string::npos);
    for (const auto& arguments : {words{"--chek"}, words{"bookworm"}, words{"--check", "../etc"}}) {
        words command{PARLEY_SOURCE "/scripts/package"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const auto refused = run_program(command);
        CHECK(refused.code == 2);
        CHECK(refused.errors.starts_with("package: "));
        CHECK(refused.errors.find(arguments.back()) != std::string::npos);
        CHECK(std::ranges::count(refused.errors, '\n') == 1);
    }
}

} // namespace parley
