// Tests of the scoreboard: what a worker writes is visible in all processes, and stays after its exit.
#include "common/scoreboard/scoreboard.hpp"
#include "tests/support/run_in_fork.hpp"

#include <doctest/doctest.h>

namespace parley {

TEST_CASE("a new scoreboard is empty") {
    const scoreboard board{1000};
    CHECK(board.size() == 1000);
    CHECK(board.slot_of(1).now.get() == activity::none);
    CHECK(board.slot_of(1000).connections.get() == 0);
}

TEST_CASE("a worker has its slot as long as it works") {
    scoreboard board{2};
    {
        worker self{board, 2};
        CHECK(self.number() == 2);
        CHECK(board.slot_of(2).now.get() == activity::waiting);
        CHECK(board.slot_of(2).process.get() == getpid());
        CHECK(board.slot_of(2).thread.get() == gettid());
        self.stats().requests.add(3);
    }
    CHECK(board.slot_of(2).now.get() == activity::none);
    worker{board, 2}.stats().requests.add(4);
    CHECK(board.slot_of(2).requests.get() == 7);
    CHECK(board.slot_of(1).requests.get() == 0);
}

TEST_CASE("what a child notes is seen by its parent, even if it is killed") {
    scoreboard board{1};
    CHECK(run_in_fork([&] {
              worker self{board, 1};
              self.stats().connections.add(1);
              self.stats().now.set(activity::writing);
              raise(SIGKILL);
          }) == "signal 9");
    CHECK(board.slot_of(1).connections.get() == 1);
    CHECK(board.slot_of(1).now.get() == activity::writing);
    CHECK(board.slot_of(1).process.get() != getpid());
}

TEST_CASE("two slots share no cache line") {
    scoreboard board{2};
    const auto* first = reinterpret_cast<const char*>(&board.slot_of(1));
    const auto* second = reinterpret_cast<const char*>(&board.slot_of(2));
    CHECK(second - first >= 128);
}

} // namespace parley
