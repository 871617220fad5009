// Tests of stop_signal: how a server notices a shutdown request, whatever call it blocks in. Each case has
// its own process, since a shutdown cannot be undone.
#include "common/process/stop_signal.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/socket_pair.hpp"

#include <array>
#include <barrier>
#include <cerrno>
#include <doctest/doctest.h>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace parley {

namespace {
constexpr auto long_enough = 30s; // the signal ends these waits, not this time
}

TEST_CASE("nothing is requested until somebody asks") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              require(!stop_signal::is_requested(), "requested");
              require(!stop_signal::is_grace_over(), "the grace is over");
              require(stop_signal::sleep(1ms), "slept through");
          }) == "exit 0");
}

TEST_CASE("SIGTERM and SIGINT request a stop") {
    for (const int number : {SIGTERM, SIGINT}) {
        CHECK(run_in_fork([&] {
                  stop_signal::install(long_enough);
                  raise(number);
                  require(stop_signal::is_requested(), "requested");
                  require(!stop_signal::is_grace_over(), "there is a grace");
              }) == "exit 0");
    }
}

TEST_CASE("a server can request its own stop") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              stop_signal::request();
              require(stop_signal::is_requested(), "requested");
              require(stop_signal::is_grace_over(), "without a grace it is over at once");
          }) == "exit 0");
}

TEST_CASE("a second signal ends the process at once") {
    for (const int number : {SIGTERM, SIGINT}) {
        CHECK(run_in_fork([&] {
                  stop_signal::install(long_enough);
                  raise(number);
                  raise(number);
              }) == "exit " + std::to_string(128 + number));
    }
}

TEST_CASE("a call that waits is interrupted even if the signal came just before it") {
    CHECK(run_in_fork([] {
              stop_signal::install(long_enough);
              auto [local, remote] = make_socket_pair(0);
              raise(SIGTERM);
              read_buffer buffer;
              require(!local.read_some(buffer), "nothing was read");
              require(errno == EINTR, "interrupted");
              require(!stop_signal::sleep(long_enough), "not slept through");
          }) == "exit 0");
}

TEST_CASE("an event loop sees the stop on a descriptor") {
    CHECK(run_in_fork([] {
              stop_signal::install(long_enough);
              require(stop_signal::wait_readable({-1}, 0ms), "no stop yet");
              raise(SIGTERM);
              require(!stop_signal::wait_readable({-1}), "a stop");
              require(!stop_signal::wait_readable({}), "still");
          }) == "exit 0");
    CHECK(run_in_fork([] {
              stop_signal::install(long_enough);
              raise(SIGTERM);
              require(!stop_signal::wait_readable({}), "a stop that came before the descriptor");
          }) == "exit 0");
}

TEST_CASE("threads that ask for the descriptor at once all get the one that tells of the stop") {
    for (int round = 0; round < 50; ++round) {
        CHECK(run_in_fork([] {
                  stop_signal::install(long_enough);
                  std::array<int, 4> descriptors{};
                  std::barrier barrier{static_cast<std::ptrdiff_t>(descriptors.size())};
                  {
                      std::vector<std::jthread> threads;
                      for (auto& descriptor : descriptors)
                          threads.emplace_back([&] {
                              barrier.arrive_and_wait();
                              descriptor = stop_signal::descriptor();
                          });
                  }
                  for (const int descriptor : descriptors)
                      require(descriptor == descriptors.front(), "one for all");
              }) == "exit 0");
    }
}

TEST_CASE("a wait ends when a descriptor is readable") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              auto [local, remote] = make_socket_pair(0);
              require(local.write_some("x") == 1, "written");
              require(stop_signal::wait_readable({-1, remote.descriptor()}), "readable, no stop");
          }) == "exit 0");
}

TEST_CASE("a broken pipe does not end a server, and a hung-up terminal only if that was to be ignored") {
    CHECK(run_in_fork([] {
              signal(SIGHUP, SIG_IGN); // as nohup(1) does
              stop_signal::install(0ms);
              raise(SIGHUP);
              raise(SIGPIPE);
              require(!stop_signal::is_requested(), "requested");
          }) == "exit 0");
}

TEST_CASE("a hung-up terminal asks for a stop, of the parent alone") {
    CHECK(run_in_fork([] {
              stop_signal::install(long_enough);
              const auto result = run_in_fork([] {
                  stop_signal::become_child();
                  raise(SIGHUP);
                  require(!stop_signal::is_requested(), "the parent passes it on");
              });
              require(result == "exit 0", "the child ended well");
              raise(SIGHUP);
              require(stop_signal::is_requested(), "not requested");
          }) == "exit 0");
}

TEST_CASE("a child leaves Ctrl-C to its parent, and bears a repeated SIGTERM") {
    CHECK(run_in_fork([] {
              stop_signal::install(long_enough);
              const int parent_descriptor = stop_signal::descriptor();
              stop_signal::become_child();
              raise(SIGINT);
              require(!stop_signal::is_requested(), "SIGINT");
              raise(SIGTERM);
              raise(SIGTERM);
              require(stop_signal::is_requested(), "SIGTERM");
              require(!stop_signal::wait_readable({}), "a descriptor of its own");
              require(parent_descriptor >= 0, "the parent had one");
          }) == "exit 0");
}

TEST_CASE("a child that is forked amid a stop is interrupted, too") {
    CHECK(run_in_fork([] {
              stop_signal::install(long_enough);
              raise(SIGTERM);
              const auto end = run_in_fork([] {
                  stop_signal::become_child();
                  auto [local, remote] = make_socket_pair(0);
                  read_buffer buffer;
                  require(!local.read_some(buffer), "nothing was read");
              });
              require(end == "exit 0", "the child ended well");
          }) == "exit 0");
}

TEST_CASE("once settled, nothing interrupts any more") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              raise(SIGTERM);
              stop_signal::disarm();
              // Three times `wake_interval`.
              const timespec time{.tv_sec = 0, .tv_nsec = 60'000'000};
              require(nanosleep(&time, nullptr) == 0, "not interrupted");
          }) == "exit 0");
}

} // namespace parley
