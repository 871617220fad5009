// Tests of results and messages that cannot be written: none is lost silently, and none prevents another.
#include "client/load/output/output_file.hpp"
#include "common/output.hpp"
#include "common/process/subprocess.hpp"
#include "common/replace_file.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/temporary_folder.hpp"

#include <array>
#include <cstdio>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace parley {

namespace {

using namespace std::chrono_literals;

struct outcome {
    std::string end, output, errors;
};

/// Runs a line of the shell, in which $1 is the server's address.
outcome run_shell(const std::string& line, const std::string& address = "") {
    subprocess shell{{"/bin/bash", "-c", line, "bash", address}, subprocess::errors::kept};
    const auto end = shell.wait(60s);
    return {end ? end->to_string() : "does not end", shell.rest_of_output(), shell.error_output()};
}

std::string read_file(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    return std::move(text).str();
}

const std::array<std::string, 5> programs{PARLEY_SERVER, PARLEY_CLIENT, PARLEY_LOAD, PARLEY_COMPARE,
                                          PARLEY_TOP};

} // namespace

TEST_CASE("a message that cannot be written is dropped, and its exit status is kept") {
    for (const auto& program : programs)
        for (const auto* redirection : {"2>/dev/full", "2>&-", "2> >(true)", "2>/dev/full >/dev/full"}) {
            CAPTURE(program);
            CAPTURE(redirection);
            CHECK(run_shell(program + " --no-such-option " + redirection).end == "exit code 2");
        }
    CHECK(run_shell(std::string{PARLEY_CLIENT} + " 127.0.0.1:1 2>/dev/full").end == "exit code 1");
}

TEST_CASE("a result that cannot be written is said, and is exit status 1") {
    std::vector<std::string> commands{std::string{PARLEY_SERVER} + " --list",
                                      std::string{PARLEY_SERVER} + " --list-models",
                                      std::string{PARLEY_SERVER} + " --list-table"};
    for (const auto& program : programs) {
        commands.push_back(program + " --help");
        commands.push_back(program + " --version");
    }
    for (const auto& command : commands) {
        CAPTURE(command);
        const auto result = run_shell(command + " >/dev/full");
        CHECK(result.end == "exit code 1");
        CHECK(result.errors.find(": standard output: ") != result.errors.npos);
        CHECK(run_shell(command + " >/dev/null").end == "exit code 0");
    }
}

TEST_CASE("a client's reply that cannot be written is exit status 1") {
    server_under_test server{"thread", "hello"};
    const auto address = server.endpoint().to_string();
    const auto result =
        run_shell(std::string{PARLEY_CLIENT} + " \"$1\" --service hello --say Ada >/dev/full", address);
    CHECK(result.end == "exit code 1");
    CHECK(result.errors.find("standard output") != result.errors.npos);
    const auto relay_result =
        run_shell("echo Ada | " + std::string{PARLEY_CLIENT} + " \"$1\" --service hello >/dev/full", address);
    CHECK(relay_result.end == "exit code 1");
    CHECK(relay_result.errors.find("standard output") != relay_result.errors.npos);
    CHECK(run_shell(std::string{PARLEY_TOP} + " --json $2$1 >/dev/full", std::to_string(server.process().pid()))
              .end == "exit code 1");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a result that a load cannot write takes no other along") {
    server_under_test server{"epoll", "echo"};
    const temporary_folder folder;
    const auto json = folder.file("report.json");
    const auto load = std::string{PARLEY_LOAD} + " \"$1\" --service echo --connections 1 --requests 50 ";
    for (const auto* options : {"--csv /dev/full", "--hlog /dev/full", "--hdr /dev/full", ">/dev/full",
                                "--csv - >/dev/full", "--csv - | true; (exit ${PIPESTATUS[0]})"}) {
        CAPTURE(options);
        std::filesystem::remove(json);
        const auto result = run_shell(load + "--json " + json + ' ' + options, server.endpoint().to_string());
        CAPTURE(result.errors);
        CHECK(result.end == "exit code 1");
        const bool is_said = result.errors.find("/dev/full: No space left on device") != result.errors.npos ||
                             result.errors.find("standard output") != result.errors.npos;
        CHECK(is_said);
        CHECK(nlohmann::json::parse(read_file(json)).at("schema") == "parley-load/1");
    }
    const auto result = run_shell(load + "--json - >/dev/full", server.endpoint().to_string());
    CHECK(result.end == "exit code 1");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a reader that leaves ends the load") {
    server_under_test server{"epoll", "echo"};
    const auto result =
        run_shell(std::string{PARLEY_LOAD} +
                      " \"$1\" --service echo --connections 1 --duration 1h --interval 10ms --csv - | "
                      "head -2; exit ${PIPESTATUS[0]}",
                  server.endpoint().to_string());
    CHECK(result.end == "exit code 1");
    CHECK(result.output.starts_with("begin_s,"));
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("two results in one place are refused before the load") {
    const temporary_folder folder;
    const auto file = folder.file("x");
    std::ofstream{folder.file("kept")} << "kept";
    std::filesystem::create_symlink(folder.file("kept"), folder.file("link"));
    for (const auto& options : {std::string{"--csv - --json -"}, "--csv " + file + " --json " + file,
                                "--csv " + file + " --hdr " + folder.path() + "/./x",
                                "--json " + folder.file("kept") + " --hlog " + folder.file("link"),
                                std::string{"--csv /dev/stdout --json -"},
                                "--csv " + folder.file("kept") + " --json - >>" + folder.file("kept")}) {
        CAPTURE(options);
        const auto result = run_shell(std::string{PARLEY_LOAD} + " 127.0.0.1:1 " + options);
        CHECK(result.end == "exit code 2");
        CHECK(result.errors.find("two results would go to the same file") != result.errors.npos);
    }
    CHECK(read_file(folder.file("kept")) == "kept");
    CHECK_NOTHROW(check_distinct(std::array<std::string, 3>{"/dev/null", "/dev/null", ""}));
}

TEST_CASE("a comparison whose reader has gone writes its report and its result") {
    const temporary_folder folder;
    const auto result = run_shell(
        fmt::format("{} --parley-server {} --parley-load {} --models thread --workloads long-lived "
                    "--connections 1 --rounds 1 --duration 100ms --output {} --json {} | head -1; "
                    "exit ${{PIPESTATUS[0]}}",
                    PARLEY_COMPARE, PARLEY_SERVER, PARLEY_LOAD, folder.file("run"), folder.file("copy")));
    CHECK(result.end == "exit code 1");
    CHECK(result.errors.find("standard output") != result.errors.npos);
    for (const auto* name : {"run/result.json", "copy"})
        CHECK(nlohmann::json::parse(read_file(folder.file(name))).at("complete") == true);
    CHECK(read_file(folder.file("run/report.html")).ends_with("</html>\n"));
    const auto resumed =
        run_shell(fmt::format("{} --parley-server {} --parley-load {} --resume {} --json /dev/full",
                              PARLEY_COMPARE, PARLEY_SERVER, PARLEY_LOAD, folder.file("run")));
    CHECK(resumed.end == "exit code 1");
    CHECK(resumed.errors.find("/dev/full") != resumed.errors.npos);
    CHECK(resumed.output.find("The report: ") != resumed.output.npos);
}

TEST_CASE("a result for a standard output that is closed is said, and is exit status 1") {
    std::vector<std::string> commands{std::string{PARLEY_SERVER} + " --list-models"};
    for (const auto& program : programs) commands.push_back(program + " --help");
    for (const auto& command : commands) {
        CAPTURE(command);
        const auto result = run_shell(command + " >&-");
        CHECK(result.end == "exit code 1");
        CHECK(result.errors.find(": standard output: ") != result.errors.npos);
    }
    server_under_test server{"epoll", "echo"};
    for (const auto* destination : {"", " --json -", " --json /dev/stdout", " --csv /dev/fd/1"}) {
        CAPTURE(destination);
        const auto result =
            run_shell(std::string{PARLEY_LOAD} + " \"$1\" --service echo --requests 50" + destination + " >&-",
                      server.endpoint().to_string());
        CHECK(result.end == "exit code 1");
        CHECK(result.errors.find(": standard output: ") != result.errors.npos);
    }
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a result for /dev/stdout is as one for standard output, wherever that leads") {
    const temporary_folder folder;
    const auto file = folder.file("out");
    server_under_test server{"epoll", "echo"};
    const auto load = [&](const std::string& options) {
        return run_shell(std::string{PARLEY_LOAD} + " \"$1\" --service echo --requests 50 " + options,
                         server.endpoint().to_string());
    };
    for (const auto* name : {"/dev/stdout", "/dev/fd/1", "$2"}) {
        CAPTURE(name);
        CHECK(load(fmt::format("--json {} >{}", std::string{name} == "$2" ? file : name, file)).end ==
              "exit code 0");
        CHECK(nlohmann::json::parse(read_file(file)).at("schema") == "parley-load/1");
    }
    CHECK(load("--csv /dev/stdout >" + file).end == "exit code 0");
    CHECK(read_file(file).starts_with("begin_s,"));
    CHECK(load("--csv - >>" + file).end == "exit code 0");
    CHECK(read_file(file).starts_with("begin_s,")); // the rows of the first load are still there
    CHECK(load("--json /dev/stderr 2>" + file).end == "exit code 0");
    CHECK(nlohmann::json::parse(read_file(file)).at("schema") == "parley-load/1");
    CHECK(server.shutdown_problems() == "");

    const auto result =
        run_shell(fmt::format("{} --parley-server {} --parley-load {} --models thread --workloads long-lived "
                              "--connections 1 --rounds 1 --duration 100ms --output {} --json /dev/stdout >{}",
                              PARLEY_COMPARE, PARLEY_SERVER, PARLEY_LOAD, folder.file("run"), file));
    CAPTURE(result.errors);
    const auto text = read_file(file);
    CHECK(text.starts_with("parley-compare "));
    CHECK(text.find("\n{\n") != text.npos);
    CHECK(text.find("\n}\nThe report: ") != text.npos);
}

TEST_CASE("a report for a pipe is written once, at the end") {
    const temporary_folder folder;
    const auto pipe = folder.file("pipe");
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    server_under_test server{"epoll", "echo"};
    const auto result =
        run_shell(fmt::format("cat {0} & {1} \"$1\" --service echo --requests 50 --repeat 4 --json {0} "
                              ">/dev/null; code=$?; wait; exit $code",
                              pipe, PARLEY_LOAD),
                  server.endpoint().to_string());
    CHECK(result.end == "exit code 0");
    CHECK(nlohmann::json::parse(result.output).at("runs").size() == 4);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("what an earlier load has left stays until there is something new") {
    const temporary_folder folder;
    const auto csv = folder.file("csv"), log = folder.file("log");
    for (const auto& name : {csv, log})
        std::ofstream{name} << "earlier, and rather long: " << std::string(9999, '-');
    CHECK(run_shell(fmt::format("{} 127.0.0.1:1 --csv {} --hlog {}", PARLEY_LOAD, csv, log)).end ==
          "exit code 1");
    for (const auto& name : {csv, log}) CHECK(read_file(name).starts_with("earlier"));
    server_under_test server{"epoll", "echo"};
    CHECK(run_shell(
              fmt::format("{} \"$1\" --service echo --requests 50 --csv {} --hlog {}", PARLEY_LOAD, csv, log),
              server.endpoint().to_string())
              .end == "exit code 0");
    for (const auto& name : {csv, log}) CHECK(read_file(name).find("earlier") == std::string::npos);
    CHECK(read_file(csv).find("---") == std::string::npos);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a server whose standard output is closed serves, and its end is no failure") {
    const temporary_folder folder;
    const auto result = run_shell(fmt::format("{} --listen unix:{} >&- & until [ -S {} ]; do :; done; "
                                              "kill -TERM $!; wait $!",
                                              PARLEY_SERVER, folder.file("s"), folder.file("s")));
    CHECK(result.end == "exit code 0");
    CHECK(result.errors == "");
}

TEST_CASE("a file in a folder where no other can be made is written in place") {
    // Root may create files everywhere, so another user does it.
    const temporary_folder folder;
    const auto file = folder.file("result");
    std::ofstream{file} << "first, and longer";
    chmod(file.c_str(), 0666);
    chmod(folder.path().c_str(), 0555);
    CHECK(run_in_fork([&] {
              if (geteuid() == 0) require(setgid(65534) == 0 && setuid(65534) == 0, "became another user");
              check_replaceable(file);
              replace_file(file, "second");
          }) == "exit 0");
    chmod(folder.path().c_str(), 0755);
    CHECK(read_file(file) == "second");
}

TEST_CASE("a notice that a terminal does not take leaves no failure behind") {
    CHECK(run_in_fork([] {
              require(std::freopen("/dev/full", "w", stdout) != nullptr, "opened");
              // Line buffering as on a terminal: fwrite(3) itself fails.
              std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
              write_notice("listening\n");
              require(finish_output("test", 0) == 0, "only results count");
          }) == "exit 0");
}

TEST_CASE("a file is replaced as a whole, or stays as it was") {
    const temporary_folder folder;
    const auto file = folder.file("result");
    check_replaceable(file);
    CHECK_FALSE(std::filesystem::exists(file));
    replace_file(file, "first");
    CHECK(read_file(file) == "first");
    chmod(file.c_str(), 0640);
    std::filesystem::create_symlink("result", folder.file("link"));
    replace_file(folder.file("link"), "second");
    CHECK(read_file(file) == "second");
    CHECK(std::filesystem::is_symlink(folder.file("link")));
    struct stat status {};
    REQUIRE(stat(file.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
    CHECK(std::distance(std::filesystem::directory_iterator{folder.path()}, {}) ==
          2); // no temporary file is left

    CHECK_THROWS_AS(check_replaceable(folder.file("no/such")), std::system_error);
    CHECK_THROWS_AS(check_replaceable(folder.path()), std::system_error);
    CHECK_THROWS_AS(replace_file("/dev/full", "x"), std::system_error);
    CHECK_NOTHROW(replace_file("/dev/null", "x"));
}

} // namespace parley
