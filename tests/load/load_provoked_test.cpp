// Verdicts that need a cause in the machine: each is provoked by it, in a process of its own.
#include "client/load/analysis/verdict.hpp"
#include "client/load/engine/run_load.hpp"
#include "common/process/running_server.hpp"
#include "tests/support/network_namespace.hpp"
#include "tests/support/run_in_fork.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace parley {

using namespace std::chrono_literals;

namespace {

bool is_said(const char* code, const load_options& options, const load_result& result) {
    const auto said = judge(options, result);
    return std::ranges::any_of(said.reasons, [&](const auto& each) { return each.code == code; });
}

load_options asking(const running_server& server, int connections) {
    load_options options;
    options.target = server.endpoint().to_string();
    options.connections = connections;
    options.duration = 1s;
    options.warm_up = 0s;
    options.timeout = 300ms;
    return options;
}

running_server start(const char* service) {
    return {PARLEY_SERVER, {"--model", "epoll", "--service", service, "--log-level", "off"}};
}

} // namespace

TEST_CASE("a generator that computes all the time is what limits the rate") {
    const auto server = start("echo");
    CHECK(run_in_fork([&] {
              // Where others compute too, only who is allowed to stand before them gets a whole processor.
              const bool stands_before = setpriority(PRIO_PROCESS, 0, -20) == 0;
              bool said = false;
              for (int tried = 0; !said && tried < 5; ++tried) {
                  const auto options = asking(server, 2);
                  const auto result = generate_load(options, -1, [](auto, auto&) {
                      for (const auto end = run_stats::clock::now() + 400ms; run_stats::clock::now() < end;) {
                      }
                  });
                  // Beside other programs it does not get the processor that it wants.
                  said = is_said("generator-bound", options, result) ||
                         is_said("generator-starved", options, result);
              }
              require(said || !stands_before, "that it is the generator is said");
          }) == "exit 0");
}

TEST_CASE("a generator that does not run for a while says so") {
    const auto server = start("echo");
    const auto options = asking(server, 2);
    bool has_slept = false;
    const auto result = generate_load(options, -1, [&](std::chrono::nanoseconds elapsed, auto&) {
        if (elapsed < 300ms || std::exchange(has_slept, true)) return;
        std::this_thread::sleep_for(400ms); // as if stopped, or throttled
    });
    CHECK(is_said("generator-starved", options, result));
}

TEST_CASE("descriptors that run out are told of") {
    const auto server = start("echo");
    CHECK(run_in_fork([&] {
              const rlimit few{.rlim_cur = 100, .rlim_max = 100};
              check("setrlimit", [&] { return setrlimit(RLIMIT_NOFILE, &few); });
              auto options = asking(server, 20);
              options.duration.reset();
              options.stages = {parse_stage("300ms@2c"), parse_stage("700ms@20c")};
              std::vector<unique_fd> taken;
              const auto result = generate_load(options, -1, [&](auto, auto& so_far) {
                  if (so_far.stats.all_answered == 0) return;
                  for (;;) {
                      unique_fd one{open("/dev/null", O_RDONLY | O_CLOEXEC)};
                      if (!one) return;
                      taken.push_back(std::move(one));
                  }
              });
              require(result.stats.answered > 0, "some were answered before");
              require(is_said("descriptors-exhausted", options, result), "that there are none left is said");
          }) == "exit 0");
}

TEST_CASE("ports that run out are told of" * doctest::skip(!networks_are_allowed())) {
    CHECK(run_in_fork([] {
              const network_namespace ours;
              if (!ours.set("ipv4/ip_local_port_range", "40000 40031") || !ours.set("ipv4/tcp_tw_reuse", "0"))
                  return; // it cannot be provoked here
              const auto server = start("echo");
              auto options = asking(server, 2);
              options.requests.per_connection = 1;
              const auto result = generate_load(options, -1, {});
              require(result.stats.answered > 0, "some were answered before");
              require(is_said("ports-exhausted", options, result), "that there are none left is said");
          }) == "exit 0");
}

TEST_CASE("segments that are lost and sent again are told of" * doctest::skip(!networks_are_allowed())) {
    CHECK(run_in_fork([] {
              const network_namespace ours;
              const auto server = start("wait");
              auto options = asking(server, 2);
              options.service = "wait";
              options.timeout = 5s;
              options.duration = 3s;
              bool was_down = false;
              const auto result = generate_load(options, -1, [&](std::chrono::nanoseconds time, auto&) {
                  if (time < 500ms || std::exchange(was_down, true)) return;
                  ours.loopback_is(0);
                  std::this_thread::sleep_for(300ms);
                  ours.loopback_is(IFF_UP);
              });
              require(result.stats.errors.count() == 0, "nobody was lost");
              require(is_said("retransmissions", options, result), "that they were sent again is said");
          }) == "exit 0");
}

} // namespace parley
