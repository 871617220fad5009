// Tests of subprocess: reading output, exit status, and that no process is left.
#include "common/process/subprocess.hpp"

#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>

using namespace std::chrono_literals;

namespace {

constexpr auto time_limit = 30s;

std::vector<std::string> shell(std::string text) { return {"sh", "-c", std::move(text)}; }

} // namespace

namespace parley {

TEST_CASE("a program's lines are read one by one") {
    subprocess program{shell("echo one; echo two; printf three")};
    CHECK(program.read_line(time_limit) == "one");
    CHECK(program.read_line(time_limit) == "two");
    CHECK_THROWS_WITH_AS(program.read_line(time_limit), "sh ended without another line", std::runtime_error);
    CHECK(program.wait(time_limit)->exit_code() == 0);
    CHECK(program.rest_of_output() == "three");
    CHECK_FALSE(program.left_processes());
}

TEST_CASE("a program that says nothing is not waited for longer than allowed") {
    subprocess program{{"sleep", "1000"}};
    CHECK_THROWS_WITH_AS(program.read_line(1ms), "sleep wrote no line within 1 ms", std::runtime_error);
    CHECK_FALSE(program.wait(1ms));
    program.signal(SIGTERM);
    CHECK(program.wait(time_limit)->to_string() == "killed by SIGTERM");
}

TEST_CASE("the end of a program is told again and again") {
    subprocess program{shell("exit 3")};
    for (int time = 0; time != 3; ++time) {
        const auto end = program.wait(time_limit);
        REQUIRE(end);
        CHECK(end->exit_code() == 3);
        CHECK(end->to_string() == "exit code 3");
    }
    program.signal(SIGKILL);
}

TEST_CASE("a program that writes more than a pipe holds can end") {
    subprocess program{shell("head -c 1000000 /dev/zero")};
    CHECK(program.wait(time_limit)->exit_code() == 0);
    CHECK(program.rest_of_output().size() == 1'000'000);
}

TEST_CASE("standard error can be kept") {
    subprocess program{shell("echo out; echo err >&2; exec >&2; head -c 1000000 /dev/zero"),
                       subprocess::errors::kept};
    CHECK(program.wait(time_limit)->exit_code() == 0);
    CHECK(program.rest_of_output() == "out\n");
    CHECK(program.error_output().size() == 1'000'004);
}

TEST_CASE("a program that is not there is an error that names it") {
    CHECK_THROWS_WITH_AS(subprocess{{"/no/such/program"}}, "exec /no/such/program: No such file or directory",
                         std::system_error);
}

TEST_CASE("standard input is empty unless it is given") {
    subprocess program{{"wc", "-c"}};
    CHECK(program.read_line(time_limit) == "0");
}

TEST_CASE("what a program leaves behind is noticed, and goes with the object") {
    prctl(PR_SET_CHILD_SUBREAPER, 1); // this process adopts the orphan and reaps it
    pid_t orphan = -1;
    {
        subprocess program{shell("sleep 1000 & echo $!")};
        orphan = std::stoi(program.read_line(time_limit));
        CHECK(program.wait(time_limit)->exit_code() == 0);
        CHECK(program.left_processes());
    }
    int status = 0;
    CHECK(waitpid(orphan, &status, 0) == orphan);
    CHECK(WTERMSIG(status) == SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("signals that we ignore or block still end a program") {
    sigset_t all_signals, old_mask;
    sigfillset(&all_signals);
    sigprocmask(SIG_SETMASK, &all_signals, &old_mask);
    subprocess program{{"sleep", "1000"}};
    sigprocmask(SIG_SETMASK, &old_mask, nullptr);
    program.signal(SIGINT);
    CHECK(program.wait(time_limit)->to_string() == "killed by SIGINT");
}

TEST_CASE("the time that a program and its children used is told") {
    // long enough for a kernel that counts CPU time in ticks
    subprocess program{shell("(i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done)")};
    const auto end = program.wait(time_limit);
    REQUIRE(end);
    const auto in_us = [](const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; };
    CHECK(in_us(end->used.ru_utime) + in_us(end->used.ru_stime) > 0);
    CHECK(end->used.ru_maxrss > 0);
}

} // namespace parley
