// Two coroutines, interleaved, of which one prints 1 2 3 and the other one x y z.
//
//   Python       two functions that yield; a function call instead runs to its end before the caller goes on
//   look at      the same two coroutines in three orders; the caller decides, not a scheduler
//   afterwards   lab 9; common/coroutines/generator.hpp
#include "common/coroutines/generator.hpp"

#include <fmt/core.h>
#include <string>

using namespace parley;

namespace {

generator<std::string> a() {
    co_yield "1"; // suspended here, until next() is called again
    co_yield "2";
    co_yield "3";
}

generator<std::string> b() {
    co_yield "x";
    co_yield "y";
    co_yield "z";
}

/// Prints at most `count` values. Returns false if the coroutine has ended.
bool print(generator<std::string>& coroutine, int count) {
    for (int i = 0; i != count; ++i) {
        const auto value = coroutine.next();
        if (!value) return false;
        fmt::print(" {}", *value);
    }
    return true;
}

/// Runs both coroutines to their ends, `count` values at a time.
void run_in_turns(int count) {
    auto first = a();
    auto second = b();
    bool first_runs = true, second_runs = true;
    while (first_runs || second_runs) {
        if (first_runs) first_runs = print(first, count);
        if (second_runs) second_runs = print(second, count);
    }
    fmt::print("\n");
}

} // namespace

int main() {
    fmt::print("one after the other:");
    run_in_turns(3);
    fmt::print("in turns of one:    ");
    run_in_turns(1);
    fmt::print("in turns of two:    ");
    run_in_turns(2);
}
