// Tests of restart_policy: dead workers are restarted, with back-off if they die early, and not forever.
#include "common/concurrency/restart_policy.hpp"

#include <doctest/doctest.h>
#include <stdexcept>

using namespace std::chrono_literals;

namespace parley {

namespace {
child_processes::exited_child worker_that_lived(std::chrono::milliseconds time, int status) {
    return {.number = 1, .process = 4711, .status = status, .lifetime = time};
}
constexpr int failed = 1 << 8; // exit status 1 as wait(2) encodes it
} // namespace

TEST_CASE("a worker that ends well, or has lived, is replaced at once") {
    restart_policy restarts;
    CHECK_FALSE(restarts.backoff_left());
    for (int i = 0; i != 100; ++i) {
        restarts.record_exit(worker_that_lived(0ms, 0));
        restarts.record_exit(worker_that_lived(restart_policy::early, failed));
        CHECK_FALSE(restarts.backoff_left());
    }
}

TEST_CASE("workers that die at once are replaced ever later, but not too late") {
    restart_policy restarts;
    for (int i = 1; i != restart_policy::max_early_exits; ++i)
        restarts.record_exit(worker_that_lived(0ms, failed));
    const auto backoff = restarts.backoff_left();
    REQUIRE(backoff);
    CHECK(*backoff > restart_policy::first_backoff);
    CHECK(*backoff <= restart_policy::early);
}

TEST_CASE("when all workers die at once, again and again, that is said") {
    restart_policy restarts;
    for (int i = 1; i != restart_policy::max_early_exits; ++i)
        restarts.record_exit(worker_that_lived(0ms, failed));
    CHECK_THROWS_WITH_AS(restarts.record_exit(worker_that_lived(0ms, failed)),
                         doctest::Contains("worker 1 (process 4711) ended with status 1"), std::runtime_error);
}

TEST_CASE("one worker that lives makes good for those that died before") {
    restart_policy restarts;
    for (int round = 0; round != 5; ++round) {
        for (int i = 1; i != restart_policy::max_early_exits; ++i)
            restarts.record_exit(worker_that_lived(0ms, failed));
        restarts.record_exit(worker_that_lived(1h, failed));
    }
}

} // namespace parley
