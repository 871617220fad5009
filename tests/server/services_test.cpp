// Tests of the services as scripts: what the client sends, and what it gets.
#include "common/pi_digits.hpp"
#include "server/service.hpp"
#include "tests/support/scripted_driver.hpp"

#include <doctest/doctest.h>
#include <set>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// A service with the state that a server would give it.
struct served {
    using opener = session (*)(server_state&);
    explicit served(opener function, const service_options& options = {})
        : open{function}, shared{options, 4} {}

    scripted_driver open_at_worker(int number) {
        auto session = open(shared);
        session.assign_worker(number);
        return scripted_driver{std::move(session)};
    }
    std::string play_to_end(const std::vector<std::string>& reads) {
        return open_at_worker(1).play_to_end(reads);
    }

    opener open;
    server_state shared;
};

} // namespace

TEST_CASE("no two services have one name, and each says what it does") {
    std::set<std::string_view> names;
    for (const auto& row : services()) {
        CHECK(names.insert(row.name).second);
        CHECK(!row.summary.empty());
    }
}

TEST_CASE("welcome greets and ends, whatever the client says") {
    CHECK(served{welcome}.play_to_end({}) == "says 'welcome to here\n', ends");
    service_options options;
    options.greeting = "hi";
    CHECK(served{welcome, options}.play_to_end({"what?\n"}) == "says 'hi\n', ends");
}

TEST_CASE("echo sends every byte back as it comes") {
    const std::string zeros("a\0b", 3);
    CHECK(served{echo}.play_to_end({"one", zeros, "\n"}) ==
          "reads, says 'one', reads, says '" + zeros + "', reads, says '\n', reads, ends");
}

TEST_CASE("counter counts the lines of all clients, right in two ways") {
    for (const auto kind :
         {visit_counter::kind::mutex, visit_counter::kind::atomic, visit_counter::kind::unlocked}) {
        service_options options;
        options.counter = kind;
        served counting{counter, options};
        auto first = counting.open_at_worker(1);
        auto second = counting.open_at_worker(2);
        CHECK(first.play({"\n"}) == "reads, says '1\n', reads");
        CHECK(second.play({"x\n", "\n"}) == "reads, says '2\n', reads, says '3\n', reads");
        CHECK(first.play_to_end({"\n"}) == "reads, says '4\n', reads, ends");
    }
}

TEST_CASE("a private counter counts what one worker has seen") {
    service_options options;
    options.counter = visit_counter::kind::own;
    served counting{counter, options};
    auto first = counting.open_at_worker(1);
    auto second = counting.open_at_worker(2);
    CHECK(first.play({"\n", "\n"}) == "reads, says '1\n', reads, says '2\n', reads");
    CHECK(second.play({"\n"}) == "reads, says '1\n', reads");
    CHECK(counting.open_at_worker(1).play({"\n"}) == "reads, says '3\n', reads");
}

TEST_CASE("hello greets by name, and knows request and worker") {
    served greeting{hello};
    CHECK(greeting.open_at_worker(3).play({"Ada\nBob Smith\n"}) ==
          "reads, says 'Hello, Ada (request 1, worker 3)\n', says 'Hello, Bob Smith (request 2, worker 3)\n', "
          "reads");
}

TEST_CASE("hello refuses what is no name, and goes on") {
    const auto story = served{hello}.play_to_end({"\n", "a\tb\n", "\x1b[31m\n", "Ada\n"});
    const std::string error = "says 'error: a name has at least one character, and no control characters\n', ";
    CHECK(story == "reads, " + error + "reads, " + error + "reads, " + error +
                       "reads, says 'Hello, Ada (request 4, worker 1)\n', reads, ends");
}

TEST_CASE("pi has as many decimals as were asked for") {
    CHECK(served{pi}.play_to_end({"1\n", "pi 5\n", "14\r\n"}) ==
          "reads, computes, says '3.1\n', reads, computes, says '3.14159\n', "
          "reads, computes, says '3.14159265358979\n', reads, ends");
}

TEST_CASE("pi refuses what is no number, or too large, and goes on") {
    service_options options;
    options.max_digits = 20;
    const std::string error = "says 'error: write how many decimals of pi, from 1 to 20\n', ";
    for (const std::string nonsense :
         {"", "0", "-1", "+5", "21", "99999999999999999999", "five", "5 6", "5.", "pi", "\t5"})
        CHECK(served{pi, options}.play_to_end({nonsense + "\n", "2\n"}) ==
              "reads, " + error + "reads, computes, says '3.14\n', reads, ends");
}

TEST_CASE("a thousand decimals of pi are right, and ten thousand") {
    CHECK(pi_digits(50) == "3.14159265358979323846264338327950288419716939937510");
    const auto thousand = pi_digits(1000);
    CHECK(thousand.size() == 1002);
    CHECK(thousand.substr(2 + 761, 6) == "999999"); // Feynman's point
    CHECK(thousand.ends_with("2164201989"));
    CHECK(pi_digits(10'000).ends_with("5678"));
}

TEST_CASE("a number of decimals that ends in nines or zeros is cut, not rounded") {
    for (int decimals = 1; decimals != 800; ++decimals)
        if (!pi_digits(800).starts_with(pi_digits(decimals))) FAIL_CHECK("differs with ", decimals);
}

TEST_CASE("wait waits, and says how long") {
    CHECK(served{wait}.play_to_end({"5\n", "wait 0\n"}) ==
          "reads, pauses 5 ms, says 'waited 5 ms\n', reads, says 'waited 0 ms\n', reads, ends");
}

TEST_CASE("wait refuses what is no number, or too long, and goes on") {
    service_options options;
    options.max_wait = 50ms;
    const std::string error = "says 'error: write how many milliseconds to wait, from 0 to 50\n', ";
    for (const std::string nonsense : {"", "-1", "51", "4294967296", "soon", "1ms"})
        CHECK(served{wait, options}.play_to_end({nonsense + "\n", "1\n"}) ==
              "reads, " + error + "reads, pauses 1 ms, says 'waited 1 ms\n', reads, ends");
}

TEST_CASE("a line that is too long gets one error in every service that reads lines") {
    const std::string too_long(input_buffer::line_limit + 1, '1');
    for (const auto open : {counter, hello, pi, wait})
        CHECK(served{open}.play_to_end({too_long, "\n"}) ==
              "reads, says 'error: a line may have 65536 bytes\n', reads, reads, ends");
}

} // namespace parley
