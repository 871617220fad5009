// Tests of generator: values in both directions, its end, exceptions, and that nothing leaks.
#include "common/coroutines/generator.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace parley {

namespace {

generator<int> count_to(int end) {
    for (int i = 1; i <= end; ++i) co_yield i;
}

generator<std::unique_ptr<int>> owners() {
    co_yield std::make_unique<int>(1);
    auto named = std::make_unique<int>(2);
    co_yield std::move(named);
}

/// Longer than the text that std::string stores in itself, so that a dangling reference is found.
std::string long_text(int number) {
    return "a text that is allocated on the heap, number " + std::to_string(number);
}

generator<std::string> texts() {
    for (int i = 0;; ++i) co_yield long_text(i);
}

generator<std::string, std::string> reverse_all() {
    std::string reply = "ready";
    for (;;) {
        const auto text = co_yield reply;
        if (text.empty()) co_return;
        reply.assign(text.rbegin(), text.rend());
    }
}

/// Counts the objects that are alive.
struct counted {
    explicit counted(int& count) : count_{count} { ++count_; }
    counted(const counted&) = delete;
    ~counted() { --count_; }
    int& count_;
};

generator<int> with_variables(int& alive) {
    const counted outer{alive};
    for (int i = 0;; ++i) {
        const counted inner{alive};
        const std::string on_heap(1000, 'x');
        co_yield i;
    }
}

generator<int, int> fail_at(int number) {
    const std::string on_heap(1000, 'x');
    int sent = 0;
    for (;;) {
        if (sent == number) throw std::runtime_error{"cannot take " + std::to_string(sent)};
        sent = co_yield sent;
    }
}

} // namespace

TEST_CASE("a generator is a range of the values that it yields") {
    std::vector<int> values;
    for (const int i : count_to(3)) values.push_back(i);
    CHECK(values == std::vector{1, 2, 3});
    for (const int i : count_to(0)) FAIL("yields " << i);
    static_assert(std::input_iterator<generator<int>::iterator>);
    auto counting = count_to(1000);
    CHECK(std::ranges::count_if(counting, [](int i) { return i % 2 == 0; }) == 500);
}

TEST_CASE("after the last value there is none, also if asked again") {
    auto counting = count_to(2);
    CHECK(counting.next() == 1);
    CHECK(counting.next() == 2);
    for (int time = 0; time != 3; ++time) CHECK_FALSE(counting.next());
}

TEST_CASE("values can be temporaries, and values that are only moved") {
    int number = 0;
    for (const auto& text : texts()) {
        CHECK(text == long_text(number));
        if (++number == 5) break;
    }
    int sum = 0;
    for (auto& owner : owners()) {
        const auto taken = std::move(owner);
        sum = 10 * sum + *taken;
    }
    CHECK(sum == 12);
}

TEST_CASE("co_yield returns what was sent, and send returns what is yielded next") {
    auto reverser = reverse_all();
    CHECK_THROWS_AS(reverser.send("too early"), std::logic_error);
    CHECK(reverser.next() == "ready");
    CHECK_THROWS_AS(reverser.next(), std::logic_error);
    CHECK(reverser.send("abc") == "cba");
    reverser = std::exchange(reverser, reverse_all()); // what has been moved has still started
    CHECK(reverser.send(long_text(1)) == "1 rebmun ,paeh eht no detacolla si taht txet a");
    CHECK_FALSE(reverser.send(""));
    CHECK_FALSE(reverser.send("too late"));
}

TEST_CASE("a generator runs only when a value is wanted, and takes turns with another one") {
    auto letters = count_to(3), numbers = count_to(3);
    std::string order;
    while (const auto letter = letters.next()) {
        order += static_cast<char>('A' + *letter - 1);
        order += std::to_string(*numbers.next());
    }
    CHECK(order == "A1B2C3");
}

TEST_CASE("a generator that is closed early destroys its variables") {
    int alive = 0;
    {
        auto never_started = with_variables(alive);
        auto started = with_variables(alive);
        started.next();
        started.next();
        CHECK(alive == 2);
        auto closed = with_variables(alive);
        closed.next();
        CHECK(alive == 4);
        closed.close();
        closed.close();
        CHECK(alive == 2);
        CHECK_FALSE(closed.next());
        auto moved = std::move(started);
        CHECK(moved.next() == 2);
        CHECK_FALSE(started.next()); // NOLINT(bugprone-use-after-move): it has ended
        moved = with_variables(alive);
        CHECK(moved.next() == 0);
    }
    CHECK(alive == 0);
    for (const int i : with_variables(alive))
        if (i == 3) break;
    CHECK(alive == 0);
}

TEST_CASE("an exception of the coroutine is thrown to its consumer, and ends it") {
    auto failing = fail_at(2);
    failing.next();
    CHECK(failing.send(1) == 1);
    CHECK_THROWS_WITH_AS(failing.send(2), "cannot take 2", std::runtime_error);
    CHECK_FALSE(failing.send(3));
    auto failing_at_once = fail_at(0);
    CHECK_THROWS_AS(failing_at_once.next(), std::runtime_error);
}

} // namespace parley
