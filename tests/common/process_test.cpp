// Tests of process: a function in a child, how it ends, and what it writes.
#include "common/check.hpp"
#include "common/multiprocessing/process.hpp"
#include "tests/support/proc.hpp"

#include <csignal>
#include <cstdio>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <iostream>
#include <sys/mman.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace parley {

namespace {

void wait_for_signal() {
    for (;;) ::pause();
}

/// Calls `body` with the file `target` (a descriptor) replaced, and returns what was written to it.
template <class Body>
std::string output_of(int target, Body body) {
    const unique_fd file{check("memfd_create", [] { return memfd_create("output", MFD_CLOEXEC); })};
    std::fflush(nullptr);
    const unique_fd before{dup(target)};
    dup2(file.get(), target);
    body();
    std::fflush(nullptr);
    dup2(before.get(), target);
    std::string text(4096, '\0');
    text.resize(static_cast<std::size_t>(pread(file.get(), text.data(), text.size(), 0)));
    return text;
}

} // namespace

TEST_CASE("a process runs a function in a child, whose result is the exit code") {
    int calls = 0;
    process child{"child", [&, parent = getpid()] { return getppid() == parent ? 40 + ++calls : 1; }};
    CHECK(child.name() == "child");
    CHECK(!child.is_running());
    CHECK(!child.end());
    child.start();
    CHECK(child.pid() > 0);
    child.join();
    CHECK(!child.is_running());
    CHECK(child.end()->exit_code() == 41);
    CHECK(child.end()->signal() == std::nullopt);
    CHECK(calls == 0); // the child has counted in its own copy
}

TEST_CASE("join with a time limit returns false while the process runs") {
    process child{"child", wait_for_signal};
    child.start();
    CHECK(!child.join(0ms));
    CHECK(!child.join(1ms));
    CHECK(child.is_running());
    child.terminate();
    CHECK(child.join(time_limit));
    CHECK(child.end()->signal() == SIGTERM);
    CHECK(child.end()->exit_code() == std::nullopt);
    child.terminate(); // no effect on a process that has ended
}

TEST_CASE("a process that ignores SIGTERM can be killed, and its destructor does so") {
    pid_t pid = -1;
    {
        std::array<int, 2> ready{};
        REQUIRE(pipe(ready.data()) == 0);
        process child{"child", [&] {
                          std::signal(SIGTERM, SIG_IGN);
                          (void)!write(ready[1], "x", 1);
                          wait_for_signal();
                      }};
        child.start();
        pid = child.pid();
        char byte = 0;
        REQUIRE(read(ready[0], &byte, 1) == 1);
        close(ready[0]);
        close(ready[1]);
        child.terminate();
        CHECK(!child.join(1ms));
    }
    CHECK(kill(pid, 0) == -1); // killed and reaped
}

TEST_CASE("a process that throws says so, and has status 1") {
    std::optional<process_end> end;
    const auto text = output_of(STDERR_FILENO, [&] {
        process child{"child 7", [] { throw std::runtime_error("on purpose"); }};
        child.start();
        child.join();
        end = child.end();
    });
    CHECK(end->exit_code() == 1);
    CHECK(text == "process child 7: on purpose\n");
}

TEST_CASE("what parent and child write appears once, in order") {
    const auto text = output_of(STDOUT_FILENO, [] {
        std::printf("before\n");
        process child{"child", [] { std::cout << "child\n"; }};
        child.start();
        child.join();
        std::printf("after\n");
    });
    CHECK(text == "before\nchild\nafter\n");
}

TEST_CASE("a child does not outlive its parent") {
    int pids[2];
    REQUIRE(pipe(pids) == 0);
    process parent{"parent", [&] {
                       process child{"child", wait_for_signal};
                       child.start();
                       const pid_t pid = child.pid();
                       (void)!write(pids[1], &pid, sizeof pid);
                       wait_for_signal();
                   }};
    parent.start();
    pid_t grandchild = -1;
    REQUIRE(read(pids[0], &grandchild, sizeof grandchild) == sizeof grandchild);
    parent.kill();
    parent.join();
    // Its new parent reaps it some time, so a zombie has ended, too.
    CHECK(eventually([&] {
        return find_processes([&](const process_state& state) {
                   return state.process == grandchild && state.state != 'Z';
               })
            .empty();
    }));
    close(pids[0]);
    close(pids[1]);
}

TEST_CASE("a process is started once, and joined only after that and by its parent") {
    process child{"child", wait_for_signal};
    CHECK_THROWS_AS(child.join(), std::logic_error);
    child.start();
    CHECK_THROWS_AS(child.start(), std::logic_error);
    process sibling{"sibling", [&] {
                        child.terminate(); // no effect: it is not the child of this process
                        try {
                            child.join();
                        } catch (const std::logic_error&) {
                            return 3;
                        }
                        return 0;
                    }};
    sibling.start();
    sibling.join();
    CHECK(sibling.end()->exit_code() == 3);
    CHECK(child.is_running());
}

} // namespace parley
