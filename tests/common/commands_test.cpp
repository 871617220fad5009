// Tests of subprocess with pipes and redirections, and of commands.hpp: large data in all directions, programs
// that do not read, close early or are killed, and descriptors that are in the way.
#include "common/process/commands.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/temporary_folder.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace parley {

namespace {

constexpr auto time_limit = 30s;
constexpr std::size_t ten_megabytes = 10'000'000;

const standard_streams all_pipes{redirection::pipe(), redirection::pipe(), redirection::pipe()};

std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

std::string numbered_lines(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + "\n";
    return text;
}

} // namespace

TEST_CASE("call returns how a program ended, and check_call throws if that was no success") {
    CHECK(call({"true"}).exit_code() == 0);
    CHECK(call(shell("exit 3")).exit_code() == 3);
    CHECK(call(shell("kill -KILL $$")).to_string() == "killed by SIGKILL");
    check_call({"true"});
    CHECK_THROWS_WITH_AS(check_call({"sh", "-c", "exit 7"}), "sh -c exit 7: exit code 7", called_process_error);
    CHECK_THROWS_WITH_AS(check_call({"/no/such/program"}), "exec /no/such/program: No such file or directory",
                         std::system_error);
    CHECK_THROWS_AS(call({}), std::invalid_argument);
    try {
        check_output(shell("echo lost; kill -TERM $$"));
        FAIL("is no error");
    } catch (const called_process_error& error) {
        CHECK(error.command().front() == "/bin/sh");
        CHECK(WTERMSIG(error.end().status) == SIGTERM);
    }
}

TEST_CASE("check_output returns what a program wrote, and only a shell looks into its arguments") {
    CHECK(check_output({"echo", "$HOME", "a  b;", "'c'"}) == "$HOME a  b; 'c'\n");
    CHECK(check_output(shell("echo $((6 * 7)) | cat")) == "42\n");
    CHECK(check_output({"cat"}, "input") == "input");
    CHECK(check_output({"cat"}).empty());
    CHECK(check_output(shell("echo out; echo err >&2"), {}, redirection::to_output()) == "out\nerr\n");
}

TEST_CASE("ten megabytes go through all three pipes at once") {
    const auto text = numbered_lines(ten_megabytes);
    subprocess program{{"tee", "/dev/stderr"}, all_pipes};
    const auto written = program.communicate(text, time_limit);
    REQUIRE(written);
    CHECK((written->output == text)); // in parentheses: doctest would print both
    CHECK((written->errors == text));
    CHECK(program.poll()->exit_code() == 0);
}

TEST_CASE("a program that does not read, or stops reading, neither blocks nor kills its parent") {
    const std::string text(ten_megabytes, 'x');
    for (const auto* line : {"exit 4", "exec <&-; echo closed; exit 4", "head -c 100000 >/dev/null; exit 4"}) {
        CAPTURE(line);
        CHECK(run_in_fork([&] {
                  subprocess program{shell(line), all_pipes};
                  require(program.communicate(text, time_limit).has_value(), "it ends");
                  require(program.poll()->exit_code() == 4, "its exit code is known");
                  sigset_t pending;
                  sigpending(&pending);
                  require(sigismember(&pending, SIGPIPE) == 0, "no SIGPIPE is pending");
              }) == "exit 0");
    }
}

TEST_CASE("a program that closes its output early is waited for, and one that does not end is not waited for "
          "forever") {
    subprocess closes{shell("exec >&- 2>&-; cat >/dev/null; exit 5"), all_pipes};
    REQUIRE(closes.communicate(std::string(1'000'000, 'x'), time_limit));
    CHECK(closes.poll()->exit_code() == 5);

    subprocess program{shell("echo before; cat; exec sleep 1000"), all_pipes};
    CHECK_FALSE(program.poll());
    CHECK_FALSE(program.communicate("input\n", 1ms));
    program.terminate();
    const auto written = program.communicate({}, time_limit);
    REQUIRE(written);
    CHECK(program.poll()->to_string() == "killed by SIGTERM");
}

TEST_CASE("a conversation with a program goes line by line until its input is closed") {
    subprocess program{{"sed", "-u", "s/a/b/"}, {.input = redirection::pipe()}};
    for (const auto* line : {"one a", "two a"}) {
        program.write(std::string{line} + "\n");
        CHECK(program.read_line(time_limit) == std::string{line}.replace(4, 1, "b"));
    }
    program.close_input();
    CHECK_THROWS_AS(program.write("late"), std::logic_error);
    CHECK(program.wait()->exit_code() == 0);
    subprocess without_input{{"true"}};
    CHECK_THROWS_AS(without_input.write("text"), std::logic_error);
}

TEST_CASE("streams are redirected to files, to the end of files, to nothing and to descriptors") {
    const temporary_folder folder;
    const auto file = [&](const char* name) { return folder.file(name); };
    std::ofstream{file("input")} << "b\na\n";
    std::ofstream{file("output")} << "much older text";
    check_call({"sort"},
               {redirection::file(file("input")), redirection::file(file("output")), redirection::null()});
    CHECK(content(file("output")) == "a\nb\n");
    check_call({"echo", "c"}, {redirection::null(), redirection::append(file("output")), redirection::null()});
    CHECK(content(file("output")) == "a\nb\nc\n");
    check_call(shell("echo out; echo err >&2"),
               {redirection::null(), redirection::file(file("both")), redirection::to_output()});
    CHECK(content(file("both")) == "out\nerr\n");
    CHECK_THROWS_WITH_AS(
        call({"cat"}, {redirection::file("/no/file"), redirection::null(), redirection::null()}),
        "open /no/file: No such file or directory", std::system_error);
}

TEST_CASE("standard streams that this process has closed or exchanged are not mixed up") {
    const temporary_folder folder;
    const auto path = folder.file("errors");
    CHECK(run_in_fork([&] {
              close(STDIN_FILENO);
              close(STDOUT_FILENO);
              subprocess program{shell("cat; echo err >&2"), all_pipes};
              const auto written = program.communicate("text", time_limit);
              require(written && written->output == "text" && written->errors == "err\n", "pipes");
              const int file = check("open", [&] { return open(path.c_str(), O_WRONLY | O_CREAT, 0600); });
              check("dup2", [&] { return dup2(file, STDERR_FILENO); });
              check_call(shell("echo exchanged"),
                         {redirection::null(), redirection::descriptor(STDERR_FILENO), redirection::null()});
          }) == "exit 0");
    CHECK(content(path) == "exchanged\n");
}

TEST_CASE("a pipeline connects programs, and an early end of its last one ends the others") {
    const auto result = run_pipeline({{"cat"}, {"sort", "-n"}, {"wc", "-l"}}, numbered_lines(ten_megabytes));
    CHECK(std::stoi(result.output) > 1'000'000);
    for (const auto& end : result.ends) CHECK(end.exit_code() == 0);

    const auto ended = run_pipeline({{"yes"}, {"head", "-n", "2"}});
    CHECK(ended.output == "y\ny\n");
    CHECK(ended.ends.at(0).to_string() == "killed by SIGPIPE");
    CHECK(ended.ends.at(1).exit_code() == 0);

    CHECK(run_pipeline({{"false"}, {"true"}}).ends.at(0).exit_code() == 1);
    CHECK_THROWS_WITH_AS(run_pipeline({{"yes"}, {"/no/such/program"}}),
                         "exec /no/such/program: No such file or directory", std::system_error);
    CHECK_THROWS_AS(run_pipeline({}), std::invalid_argument);
}

TEST_CASE("no descriptor stays open, and no process stays, whatever happened") {
    const auto descriptors = [] {
        const std::filesystem::directory_iterator folder{"/proc/self/fd"};
        return std::distance(begin(folder), end(folder));
    };
    const auto before = descriptors();
    { const subprocess killed{{"sleep", "1000"}, all_pipes}; }
    CHECK_THROWS(subprocess{{"/no/such/program"}, all_pipes});
    CHECK_THROWS(subprocess{{"true"}, {.output = redirection::file("/no/folder/file")}});
    run_pipeline({{"true"}, {"cat"}, {"true"}}, "text");
    CHECK(descriptors() == before);
    CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
}

} // namespace parley
