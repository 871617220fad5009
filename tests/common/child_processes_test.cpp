// Tests of child_processes: children are numbered, reaped and stopped, and none outlives its parent.
#include "common/concurrency/child_processes.hpp"
#include "common/process/stop_signal.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/socket_pair.hpp"

#include <doctest/doctest.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <set>
#include <sys/signalfd.h>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// Waits for the next exit of a child.
child_processes::exited_child next_end(child_processes& children) {
    for (;;) {
        if (const auto child = children.reap()) return *child;
        if (!stop_signal::wait_readable({children.descriptor()})) throw std::runtime_error("a stop");
    }
}

void wait_until_stop(int) {
    while (!stop_signal::is_requested()) stop_signal::interruptible_sleep(1s);
}

/// Runs `body` in a process of its own, since it has children and signals.
template <class Body>
std::string as_server(Body body) {
    return run_in_fork([&] {
        stop_signal::install(0ms);
        body();
        require(waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "no child is left");
    });
}

} // namespace

TEST_CASE("a child works with its number, and its end is told") {
    CHECK(as_server([] {
              child_processes children{2};
              require(children.start([](int number) { _exit(10 + number); }), "started");
              require(children.start([](int number) { _exit(10 + number); }), "started");
              require(children.is_full(), "full");
              std::set<int> numbers;
              for (int i = 0; i != 2; ++i) {
                  const auto child = next_end(children);
                  require(WEXITSTATUS(child.status) == 10 + child.number, "its own status");
                  require(!child.succeeded(), "that is not well");
                  numbers.insert(child.number);
              }
              require(numbers == std::set{1, 2}, "numbers from 1");
              require(children.count() == 0, "none is left");
          }) == "exit 0");
}

TEST_CASE("the parent's table of children is not mapped in a child") {
    CHECK(as_server([] {
              child_processes children{1};
              require(children.start([](int) {
                  std::ifstream maps{"/proc/self/maps"};
                  const std::string text{std::istreambuf_iterator<char>{maps}, {}};
                  _exit(text.empty() || text.find("parley-children") != text.npos);
              }),
                      "started");
              require(next_end(children).succeeded(), "not mapped");
          }) == "exit 0");
}

TEST_CASE("a look for ended children costs no wait(2) while no signal has told of one") {
    CHECK(as_server([] {
              child_processes children{1};
              // Not a child of `children`; SIGCHLD is read from the signalfd before reap().
              const pid_t unrelated = fork();
              if (unrelated == 0) _exit(0);
              pollfd readable{.fd = children.descriptor(), .events = POLLIN, .revents = 0};
              require(poll(&readable, 1, -1) == 1, "ended");
              signalfd_siginfo signal;
              require(read(children.descriptor(), &signal, sizeof signal) > 0, "taken");
              require(!children.reap(), "none of its children");
              require(waitpid(unrelated, nullptr, WNOHANG) == unrelated, "not waited for");
          }) == "exit 0");
}

TEST_CASE("the number of a child that has ended is free again") {
    CHECK(as_server([] {
              child_processes children{2};
              require(children.start(wait_until_stop), "started");
              for (int i = 0; i != 5; ++i) {
                  require(children.start([](int) {}), "started");
                  const auto child = next_end(children);
                  require(child.number == 2 && child.succeeded(), "the second place");
              }
          }) == "exit 0");
}

TEST_CASE("a child that throws ends badly, and only it does") {
    CHECK(as_server([] {
              child_processes children{1};
              require(children.start([](int) { throw std::runtime_error("on purpose"); }), "started");
              require(WEXITSTATUS(next_end(children).status) == 1, "status 1");
          }) == "exit 0");
}

TEST_CASE("a child that is killed is told from one that ends") {
    CHECK(as_server([] {
              child_processes children{1};
              require(children.start([](int) { raise(SIGKILL); }), "started");
              const auto child = next_end(children);
              require(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGKILL, "killed");
          }) == "exit 0");
}

TEST_CASE("a hundred children that die at once, of whom one blocked SIGCHLD tells, are all reaped") {
    CHECK(as_server([] {
              child_processes children{100};
              auto start_pair = make_socket_pair(0);
              for (int i = 0; i != 100; ++i)
                  require(children.start([&](int) {
                      char byte = 0;
                      (void)!read(start_pair.remote.descriptor(), &byte, 1);
                      raise(SIGKILL);
                  }),
                          "started");
              start_pair.local.shutdown_write();
              require(eventually([] {
                          const auto processes = children_of(getpid());
                          return std::ranges::count(processes, 'Z', &process_state::state) == 100;
                      }),
                      "all are dead");
              require(stop_signal::wait_readable({children.descriptor()}), "the signalfd is readable");
              for (int i = 0; i != 100; ++i) require(children.reap().has_value(), "without another wait");
              require(!children.reap(), "no more");
          }) == "exit 0");
}

TEST_CASE("a child that cannot be made is no wait, and its number stays free") {
    CHECK(as_server([] {
              child_processes children{1};
              require(!children.start_with([](int) {
                  errno = EAGAIN;
                  return -1;
              }),
                      "there is none");
              require(errno == EAGAIN && children.count() == 0 && !children.is_full(), "as before");
              require(children.start([](int number) { _exit(number); }), "started");
              require(next_end(children).number == 1, "the same number");
          }) == "exit 0");
}

TEST_CASE("children are asked to stop, and end") {
    CHECK(as_server([] {
              child_processes children{3};
              for (int i = 0; i != 3; ++i) require(children.start(wait_until_stop), "started");
              children.stop();
              require(children.count() == 0, "none is left");
          }) == "exit 0");
}

TEST_CASE("children that do not listen are killed after the grace") {
    CHECK(as_server([] {
              child_processes children{1};
              require(children.start([](int) {
                  for (;;) ::pause(); // SIGTERM interrupts pause(2), but the child continues
              }),
                      "started");
              stop_signal::request();
          }) == "exit 0");
}

TEST_CASE("children end with their parent, however it dies") {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    auto [local, remote] = make_socket_pair(0);
    CHECK(as_server([] {
              child_processes children{1};
              std::ignore = children.start([](int) { wait_until_stop(0); });
              raise(SIGKILL);
          }) == "signal 9");
    { const auto closed = remote.release(); }
    read_buffer buffer;
    CHECK(local.read_some(buffer)->empty()); // end of input: no process has the other end open
    while (waitpid(-1, nullptr, 0) > 0) {
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

} // namespace parley
