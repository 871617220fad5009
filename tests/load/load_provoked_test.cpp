// Tests of verdicts whose cause lies in the machine: each is provoked, in a process of its own.
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

bool has_reason(const char* code, const load_options& options, const load_result& result) {
    const auto verdict = judge(options, result);
    return std::ranges::any_of(verdict.reasons, [&](const auto& reason) { return reason.code == code; });
}

load_options options_for(const running_server& server, int connections) {
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
              // On a busy machine only a process with raised priority gets a whole CPU.
              const bool has_priority = setpriority(PRIO_PROCESS, 0, -20) == 0;
              bool found = false;
              for (int attempt = 0; !found && attempt < 5; ++attempt) {
                  const auto options = options_for(server, 2);
                  const auto result = generate_load(options, -1, [](auto, auto&) {
                      for (const auto end = run_stats::clock::now() + 400ms; run_stats::clock::now() < end;) {
                      }
                  });
                  // Next to other programs it may not get the CPU time that it needs.
                  found = has_reason("generator-bound", options, result) ||
                          has_reason("generator-starved", options, result);
              }
              require(found || !has_priority, "the generator is named as the limit");
          }) == "exit 0");
}

TEST_CASE("a generator that does not run for a while says so") {
    const auto server = start("echo");
    const auto options = options_for(server, 2);
    bool has_slept = false;
    const auto result = generate_load(options, -1, [&](std::chrono::nanoseconds elapsed, auto&) {
        if (elapsed < 300ms || std::exchange(has_slept, true)) return;
        std::this_thread::sleep_for(400ms); // as if stopped or throttled
    });
    CHECK(has_reason("generator-starved", options, result));
}

TEST_CASE("descriptors that run out are told of") {
    const auto server = start("echo");
    CHECK(run_in_fork([&] {
              const rlimit limit{.rlim_cur = 100, .rlim_max = 100};
              check("setrlimit", [&] { return setrlimit(RLIMIT_NOFILE, &limit); });
              auto options = options_for(server, 20);
              options.duration.reset();
              options.stages = {parse_stage("300ms@2c"), parse_stage("700ms@20c")};
              std::vector<unique_fd> descriptors;
              const auto result = generate_load(options, -1, [&](auto, auto& so_far) {
                  if (so_far.stats.all_answered == 0) return;
                  for (;;) {
                      unique_fd descriptor{open("/dev/null", O_RDONLY | O_CLOEXEC)};
                      if (!descriptor) return;
                      descriptors.push_back(std::move(descriptor));
                  }
              });
              require(result.stats.answered > 0, "some were answered before");
              require(has_reason("descriptors-exhausted", options, result),
                      "the missing descriptors are reported");
          }) == "exit 0");
}

TEST_CASE("ports that run out are told of" * doctest::skip(!can_create_networks())) {
    CHECK(run_in_fork([] {
              const network_namespace network;
              if (!network.set("ipv4/ip_local_port_range", "40000 40031") ||
                  !network.set("ipv4/tcp_tw_reuse", "0"))
                  return; // it cannot be provoked here
              const auto server = start("echo");
              auto options = options_for(server, 2);
              options.requests.per_connection = 1;
              const auto result = generate_load(options, -1, {});
              require(result.stats.answered > 0, "some were answered before");
              require(has_reason("ports-exhausted", options, result), "the missing ports are reported");
          }) == "exit 0");
}

TEST_CASE("segments that are lost and sent again are told of" * doctest::skip(!can_create_networks())) {
    CHECK(run_in_fork([] {
              const network_namespace network;
              const auto server = start("wait");
              auto options = options_for(server, 2);
              options.service = "wait";
              options.timeout = 5s;
              options.duration = 3s;
              bool was_down = false;
              const auto result = generate_load(options, -1, [&](std::chrono::nanoseconds time, auto&) {
                  if (time < 500ms || std::exchange(was_down, true)) return;
                  network.set_loopback(0);
                  std::this_thread::sleep_for(300ms);
                  network.set_loopback(IFF_UP);
              });
              require(result.stats.errors.count() == 0, "no connection was lost");
              require(has_reason("retransmissions", options, result), "the retransmissions are reported");
          }) == "exit 0");
}

} // namespace parley
