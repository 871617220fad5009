// Shows what a generator does. It is complete; the task is in generator.hpp.
#include "generator.hpp"

#include <cstdio>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>

namespace {

/// Counts the objects of its kind that are alive: one is in the frame of each coroutine that is not destroyed.
struct tracked {
    static inline int alive = 0;
    tracked() { ++alive; }
    tracked(const tracked&) { ++alive; }
    ~tracked() { --alive; }
};

generator<int> count_to(int end) {
    std::puts("generator: begins");
    for (int i = 1; i <= end; ++i) {
        co_yield i;
        std::puts("generator: continues");
    }
    std::puts("generator: ends");
}

/// The order in which the caller and the generator run.
void order() {
    auto numbers = count_to(2);
    std::puts("caller: has a generator");
    while (const auto number = numbers.next()) std::printf("caller: has %d\n", *number);
    std::printf("caller: %s\n", numbers.next() ? "gets more after the end" : "is at the end");
}

generator<std::string> squares(tracked) {
    const tracked variable;
    for (int i = 1;; ++i) co_yield std::to_string(i * i); // without end
}

generator<int> one(tracked) { co_yield 1; }

/// No frame is left, wherever a generator is when its owner ends.
void close() {
    { [[maybe_unused]] const auto generator = squares({}); }
    std::printf("never started: %d alive\n", tracked::alive);
    {
        auto generator = squares({});
        for (int i = 0; i != 3; ++i) std::printf("%s ", generator.next().value_or("none").c_str());
    }
    std::printf("closed early: %d alive\n", tracked::alive);
    {
        auto generator = one({});
        while (generator.next()) {
        }
    }
    std::printf("at its end: %d alive\n", tracked::alive);
    {
        auto generator = squares({});
        generator.next();
        auto owner = std::move(generator);
        std::printf("%s ", owner.next().value_or("none").c_str());
    }
    std::printf("moved: %d alive\n", tracked::alive);
}

generator<int> failing() {
    co_yield 1;
    throw std::runtime_error("no more cake");
}

/// An exception in the coroutine reaches the caller.
void fail() {
    auto generator = failing();
    std::printf("%d\n", generator.next().value_or(0));
    try {
        generator.next();
        std::puts("no exception");
    } catch (const std::runtime_error& error) {
        std::printf("caught: %s\n", error.what());
    }
    std::puts(generator.next() ? "not at the end" : "at the end");
}

/// Yields the status of the item before, and is sent the next one.
generator<std::string, int> consume() {
    std::string status;
    for (;;) {
        const int item = co_yield status;
        std::printf("[CONSUMER] Consuming %d...\n", item);
        status = "200 OK for " + std::to_string(item);
    }
}

/// Producer and consumer take turns.
void send() {
    auto consumer = consume();
    consumer.next(); // runs to the first co_yield
    for (int item = 1; item <= 3; ++item) {
        std::printf("[PRODUCER] Producing %d...\n", item);
        std::printf("[PRODUCER] Consumer returns: %s\n", consumer.send(item).value_or("nothing").c_str());
    }
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    const std::map<std::string, std::function<void()>> shows{
        {"order", order}, {"close", close}, {"fail", fail}, {"send", send}};
    const auto show = shows.find(argument_count == 2 ? arguments[1] : "");
    if (show == shows.end()) {
        std::fprintf(stderr, "usage: generators order|close|fail|send\n");
        return 2;
    }
    show->second();
} catch (const std::exception& error) {
    std::fprintf(stderr, "generators: %s\n", error.what());
    return 1;
}
