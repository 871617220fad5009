// Tests of session: what a service and a driver can rely on. The services have a few lines and need no
// socket.
#include "common/session/session.hpp"
#include "tests/support/example_sessions.hpp"
#include "tests/support/scripted_driver.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// Returns the worker and request that the request context names.
std::string context_text() {
    const auto& request = this_request();
    return fmt::format("worker {} request {} {};", request.worker, request.request, request.text);
}

session name_requests() {
    while (co_await read_line()) {
        const auto first_text = context_text();
        co_await pause(1ms);
        const auto text = first_text + context_text();
        co_await reply(text);
    }
}

const std::string longest(input_buffer::line_limit, 'x');
const std::string too_long_error = "says 'error: a line may have 65536 bytes\n'";

} // namespace

TEST_CASE("what is read is replied, in this order") {
    scripted_driver echoing{echo()};
    CHECK(echoing.play_to_end({"one", "two"}) == "reads, says 'one', reads, says 'two', reads, ends");
}

TEST_CASE("a line split over three reads is one line") {
    scripted_driver quoting{quote_lines()};
    CHECK(quoting.play({"on", "e a", "nd\n"}) == "reads, reads, reads, says '<one and>', reads");
}

TEST_CASE("three lines in one read are three lines, and are asked for once") {
    scripted_driver quoting{quote_lines()};
    CHECK(quoting.play({"a\n\nb\nc"}) == "reads, says '<a>', says '<>', says '<b>', reads");
}

TEST_CASE("a line may end as on Windows") {
    scripted_driver quoting{quote_lines()};
    CHECK(quoting.play({"a\r\nb\r", "\n\r\n"}) == "reads, says '<a>', reads, says '<b>', says '<>', reads");
}

TEST_CASE("a last line without its end is a line") {
    scripted_driver quoting{quote_lines()};
    CHECK(quoting.play_to_end({"one\ntw", "o"}) == "reads, says '<one>', reads, reads, says '<two>', ends");
}

TEST_CASE("no input at all is the end, not a line") {
    scripted_driver quoting{quote_lines()};
    CHECK(quoting.play_to_end({}) == "reads, ends");
}

TEST_CASE("the longest line that is allowed is served") {
    scripted_driver quoting{quote_lines()};
    CHECK(quoting.play({longest + '\n'}) == "reads, says '<" + longest + ">', reads");
}

TEST_CASE("a line that is too long gets one error, and the next line is served") {
    scripted_driver quoting{quote_lines()};
    CHECK(quoting.play({longest + "x\nnext\n"}) == "reads, " + too_long_error + ", says '<next>', reads");
}

TEST_CASE("a line that is far too long gets one error however many reads bring it") {
    scripted_driver quoting{quote_lines()};
    CHECK(quoting.play({longest, longest, longest, longest, "\nnext\n"}) ==
          "reads, reads, " + too_long_error + ", reads, reads, reads, says '<next>', reads");
}

TEST_CASE("a line that is too long and has no end gets its error, then the end") {
    scripted_driver quoting{quote_lines()};
    CHECK(quoting.play_to_end({longest + "x"}) == "reads, " + too_long_error + ", reads, ends");
}

TEST_CASE("a session that still needs input says so again") {
    auto echo_session = echo();
    for (int time = 0; time != 3; ++time) {
        const step* next = echo_session.next();
        REQUIRE(next);
        CHECK(std::holds_alternative<need_input>(*next));
    }
}

namespace {
session lines_then_bytes() {
    const auto line = co_await read_line();
    const auto first = fmt::format("line {};", *line);
    co_await reply(first);
    while (auto bytes = co_await read_some()) {
        const auto text = fmt::format("bytes {};", *bytes);
        co_await reply(text);
    }
}
} // namespace

TEST_CASE("bytes that follow a line in the same read are not lost to whoever reads bytes next") {
    scripted_driver mixed{lines_then_bytes()};
    CHECK(mixed.play_to_end({"a\nb", "c"}) ==
          "reads, says 'line a;', says 'bytes b;', reads, says 'bytes c;', reads, ends");
}

namespace {
session greet_and_go(int& step_count) {
    const std::string_view nothing;
    co_await reply(nothing);
    ++step_count;
    co_await pause(0ms);
    ++step_count;
    const std::string_view greeting = "welcome";
    co_await reply(greeting);
    ++step_count;
    co_await pause(20ms);
    ++step_count;
}
} // namespace

TEST_CASE("a session may speak first, wait, and end by itself") {
    int steps = 0;
    scripted_driver greeting{greet_and_go(steps)};
    CHECK(steps == 0);
    CHECK(greeting.play({}) == "says 'welcome', pauses 20 ms, ends");
    CHECK(steps == 4);
}

namespace {
session fail_at(std::string_view bad) {
    while (auto line = co_await read_line()) {
        if (*line == bad) throw std::runtime_error("the service failed");
        co_await reply(*line);
    }
}
} // namespace

TEST_CASE("what a service throws reaches the driver, after what it said before") {
    scripted_driver failing{fail_at("bad")};
    CHECK(failing.play({"good\n"}) == "reads, says 'good', reads");
    CHECK_THROWS_WITH_AS(failing.play({"good\nbad\ngood\n"}), "the service failed", std::runtime_error);
}

namespace {
session divide() {
    while (auto line = co_await read_line()) {
        std::string result;
        auto work = [&] {
            if (*line == "0") throw std::domain_error("division by zero");
            result = fmt::format("{} / {}", this_request().text, this_request().request);
        };
        std::string failure;
        try {
            co_await run(work);
        } catch (const std::domain_error& error) {
            failure = error.what();
        }
        const auto text = failure.empty() ? result : failure;
        co_await reply(text);
    }
}

session fail_in_work() {
    auto work = [] { throw std::runtime_error("the work failed"); };
    co_await run(work);
}
} // namespace

TEST_CASE("work is done where the driver wants it, and knows its request there") {
    auto session = divide();
    session.next();
    const std::string_view line = "7\n";
    session.feed(line);
    const auto work = std::get<compute>(*session.next());
    std::jthread{work}.join();
    CHECK(std::get<output>(*session.next()).bytes == "7 / 1");
}

TEST_CASE("what work throws is thrown in the service") {
    scripted_driver dividing{divide()};
    CHECK(dividing.play({"0\n", "4\n"}) ==
          "reads, computes, says 'division by zero', reads, computes, says '4 / 2', reads");
    scripted_driver failing{fail_in_work()};
    CHECK_THROWS_WITH_AS(failing.play({}), "the work failed", std::runtime_error);
}

namespace {
struct instance_counter {
    int& alive;
    explicit instance_counter(int& count) : alive{count} { ++alive; }
    ~instance_counter() { --alive; }
    instance_counter(const instance_counter&) = delete;
};

session hold_something(int& alive) {
    const instance_counter outer{alive};
    while (auto line = co_await read_line()) {
        const instance_counter inner{alive};
        co_await reply(*line);
    }
}
} // namespace

TEST_CASE("a session that is destroyed where it waits lets go of all it holds") {
    int alive = 0;
    {
        scripted_driver never_started{hold_something(alive)};
        scripted_driver waiting_for_input{hold_something(alive)};
        waiting_for_input.play({"a\n"});
        CHECK(alive == 1);
        auto waiting_for_room = hold_something(alive);
        waiting_for_room.next();
        waiting_for_room.feed("b\n");
        waiting_for_room.next();
        CHECK(alive == 3);
    }
    CHECK(alive == 0);
}

TEST_CASE("a session can be moved while it waits, and lets go of what it held before") {
    int first = 0;
    int second = 0;
    auto target = hold_something(first);
    target.next();
    {
        auto source = hold_something(second);
        source.next();
        target = std::move(source);
    }
    CHECK(first == 0);
    CHECK(second == 1);
    target.feed("line\n");
    CHECK(std::get<output>(*target.next()).bytes == "line");
    const auto last = std::move(target);
    CHECK(second == 2);
}

TEST_CASE("a function knows its request without being told, and only during the request") {
    scripted_driver naming{name_requests()};
    naming.get_session().assign_worker(3);
    CHECK(naming.play({"a\n", "b\n"}) ==
          "reads, pauses 1 ms, says 'worker 3 request 1 a;worker 3 request 1 a;', "
          "reads, pauses 1 ms, says 'worker 3 request 2 b;worker 3 request 2 b;', reads");
    CHECK_THROWS_AS(this_request(), std::logic_error);
}

TEST_CASE("the context goes along when a session moves to another thread amid a request") {
    auto session = name_requests();
    session.assign_worker(1);
    session.next();
    session.feed("a\n");
    session.next();
    std::string reply_text;
    std::jthread{[&] {
        session.assign_worker(2);
        reply_text = std::get<output>(*session.next()).bytes;
    }}.join();
    CHECK(reply_text == "worker 1 request 1 a;worker 2 request 1 a;");
}

TEST_CASE("two sessions interleaved on one thread keep their contexts apart") {
    auto first = name_requests();
    auto second = name_requests();
    first.assign_worker(1);
    second.assign_worker(2);
    for (auto* session : {&first, &second}) session->next();
    first.feed("a\n");
    first.next();
    second.feed("b\n");
    second.next();
    CHECK(std::get<output>(*first.next()).bytes == "worker 1 request 1 a;worker 1 request 1 a;");
    CHECK(std::get<output>(*second.next()).bytes == "worker 2 request 1 b;worker 2 request 1 b;");
}

TEST_CASE("contexts nest") {
    const request_context outer{.request = 1, .worker = 1, .text = {}};
    const request_context inner{.request = 2, .worker = 1, .text = {}};
    const context_scope outer_scope{outer};
    {
        const context_scope inner_scope{inner};
        CHECK(this_request().request == 2);
    }
    CHECK(this_request().request == 1);
}

} // namespace parley
