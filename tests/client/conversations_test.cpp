// Tests of the client's side of each service, as scripts without a socket: what it sends, what it accepts,
// and every way in which a response can be wrong.
#include "client/conversation/payload.hpp"
#include "client/conversation/protocols.hpp"
#include "tests/support/scripted_driver.hpp"

#include <doctest/doctest.h>
#include <set>

namespace parley {

using namespace std::chrono_literals;

namespace {

request_options one_request() {
    request_options options;
    options.per_connection = 1;
    return options;
}

request_options with_text(std::string text) {
    auto options = one_request();
    options.say = std::move(text);
    return options;
}

/// A scripted session of one connection, with the statistics that it writes.
struct scripted_client {
    explicit scripted_client(std::string_view service, const request_options& options = one_request(),
                             std::uint64_t connection = 1)
        : row{protocol_for(service)},
          plan{plan_requests(row, options)},
          cycle{plan, stats, connection},
          driver{row.open(cycle)} {}

    /// Runs the session. Returns its story, or the error that it threw.
    std::string play(std::vector<std::string> reads) {
        try {
            return driver.play_to_end(std::move(reads));
        } catch (const conversation_failed& error) {
            return error.what();
        }
    }

    /// Returns the errors that did not end the session: "COUNT x PHASE CAUSE: TEXT".
    std::string error_text() const {
        std::string text;
        for (const auto& [failure, count] : stats.errors.kinds())
            text += fmt::format("{} x {} {}: {}", count, to_string(failure.where), failure.cause, failure.text);
        return text;
    }

    const protocol& row;
    request_plan plan;
    run_stats stats;
    request_cycle cycle;
    scripted_driver driver;
};

/// Lets a peer respond to each output. Its responses arrive in chunks of `cut` bytes, then end of input.
template <class Peer>
void converse(session& session, std::size_t cut, Peer peer) {
    std::string answers;
    std::string chunk;
    while (const step* next = session.next()) {
        if (const auto* out = std::get_if<output>(next)) {
            answers += peer(out->bytes);
        } else {
            chunk = answers.substr(0, cut);
            answers.erase(0, cut);
            session.feed(chunk);
        }
    }
}

} // namespace

TEST_CASE("welcome sends nothing and knows the greeting, however it is cut") {
    scripted_client whole{"welcome"};
    CHECK(whole.play({"welcome to here\n"}) == "reads, reads, ends");
    CHECK(whole.cycle.replies() == 1);
    CHECK(whole.stats.bytes_received == 16);

    scripted_client pieces{"welcome"};
    CHECK(pieces.play({"w", "elcome to", " here", "\n"}) == "reads, reads, reads, reads, reads, ends");

    auto options = one_request();
    options.greeting = "Salve";
    scripted_client configured{"welcome", options};
    CHECK(configured.play({"Salve\n"}) == "reads, reads, ends");
}

TEST_CASE("what is wrong is told with its place, what was expected and what came") {
    CHECK(scripted_client{"welcome"}.play({"welcome ", "two here\n"}) ==
          "wrong reply at byte 9: expected 'o here\\n', got 'wo here\\n' (request 1 of connection 1)");
    CHECK(scripted_client{"welcome"}.play({"welcome to here\nGET /\x1b[2J\xff"}) ==
          "wrong reply at byte 16: expected nothing, got 'GET /\\x1b[2J\\xff' (request 1 of connection 1)");
    CHECK(scripted_client{"welcome"}.play({"welcome to here\n", "more"}) ==
          "wrong reply at byte 16: expected nothing, got 'more' (request 1 of connection 1)");
    CHECK(scripted_client{"welcome"}.play({"welc"}) ==
          "the server closed the connection after 4 bytes of the reply: expected 'ome to here\\n' "
          "(request 1 of connection 1)");
    CHECK(scripted_client{"hello", with_text("Ada")}.play({"error: no room\n"}) ==
          "wrong reply at byte 0: expected 'Hello, Ada (request 1, worker ', got 'error: no room\\n' "
          "(request 1 of connection 1)");
}

TEST_CASE("a failure names its phase, call and cause for programs") {
    const auto failure_of = [](std::vector<std::string> reads) {
        scripted_client welcome{"welcome"};
        try {
            welcome.driver.play_to_end(std::move(reads));
        } catch (const conversation_failed& error) {
            const auto& [where, call, cause, text] = error.why();
            return fmt::format("{} {} {}", to_string(where), call, cause);
        }
        return std::string{"nothing"};
    };
    CHECK(failure_of({"welcome to here\n"}) == "nothing");
    CHECK(failure_of({"hello\n"}) == "verify  wrong bytes");
    CHECK(failure_of({"welcome to here\n\n"}) == "verify  too many bytes");
    CHECK(failure_of({}) == "read recv end of input");
}

TEST_CASE("echo wants its own bytes back, unlike for each seed, connection and request") {
    std::set<std::string> sent;
    for (const std::uint64_t seed : {1, 2})
        for (const std::uint64_t connection : {1, 2, 3}) {
            request_options options;
            options.size = 100;
            options.per_connection = 4;
            options.seed = seed;
            scripted_client echo{"echo", options, connection};
            converse(echo.driver.get_session(), 7, [&](std::string_view bytes) {
                CHECK(bytes.size() == 100);
                CHECK(sent.emplace(bytes).second);
                return std::string{bytes};
            });
            CHECK(echo.cycle.replies() == 4);
            CHECK(echo.stats.answered == 4);
            CHECK(echo.stats.bytes_sent == 400);
            CHECK(echo.stats.bytes_received == 400);
        }
}

TEST_CASE("a large echo is sent in parts while it comes back, and little is under way at a time") {
    auto options = one_request();
    options.size = 3 * request_cycle::most_under_way + 5;
    scripted_client echo{"echo", options};
    std::string sent;
    converse(echo.driver.get_session(), 10'000, [&](std::string_view bytes) {
        CHECK(bytes.size() <= request_cycle::most_under_way);
        sent += bytes;
        return std::string{bytes};
    });
    CHECK(echo.cycle.replies() == 1);
    CHECK(echo.stats.bytes_received == options.size);

    std::string expected(options.size, '\0');
    payload{options.seed, 1, 1}.bytes(expected, 0);
    CHECK(sent == expected);

    scripted_client unanswered{"echo", options};
    std::size_t under_way = 0;
    CHECK_THROWS_AS(converse(unanswered.driver.get_session(), 1,
                             [&](std::string_view bytes) {
                                 under_way += bytes.size();
                                 return std::string{};
                             }),
                    conversation_failed);
    CHECK(under_way == request_cycle::most_under_way);
}

TEST_CASE("echo notices a byte that is changed, lost, doubled, or another request's") {
    const auto story_with = [](auto corrupt) {
        request_options options;
        options.size = 40'000;
        options.per_connection = 2;
        scripted_client echo{"echo", options};
        int count = 0;
        try {
            converse(echo.driver.get_session(), 1'000, [&](std::string_view bytes) {
                std::string answer{bytes};
                if (++count == 2) corrupt(answer);
                return answer;
            });
        } catch (const conversation_failed& error) {
            return std::string{error.what()}.substr(0, 25);
        }
        return std::string{"no failure"};
    };
    CHECK(story_with([](std::string&) {}) == "no failure");
    CHECK(story_with([](std::string& answer) { answer[5] ^= 1; }) == "wrong reply at byte 32773");
    CHECK(story_with([](std::string& answer) { answer.erase(1'000, 8); }) == "wrong reply at byte 33768");
    CHECK(story_with([](std::string& answer) { answer += answer.back(); }) == "wrong reply at byte 37768");
    CHECK(story_with([](std::string& answer) { answer.pop_back(); }) == "wrong reply at byte 37767");
    CHECK(story_with([](std::string& answer) {
              payload{1, 2, 1}.bytes(answer, request_cycle::most_under_way);
          }) == "wrong reply at byte 32768");
}

TEST_CASE("counter takes growing numbers only, and no number twice in the whole run") {
    request_options options;
    options.per_connection = 3;
    options.size = 2;
    const auto plan = plan_requests(protocol_for("counter"), options);
    run_stats stats;
    const auto numbers_of = [&](std::uint64_t connection, std::vector<std::string> answers) {
        request_cycle cycle{plan, stats, connection};
        auto session = protocol_for("counter").open(cycle);
        auto next = answers.begin();
        converse(session, 1, [&](std::string_view line) {
            CHECK(line.size() == 3);
            CHECK(line.back() == '\n');
            return *next++;
        });
    };
    numbers_of(1, {"1\n", "2\n", "5\n"});
    CHECK(stats.errors.kinds().empty());
    numbers_of(2, {"3\n", "2\n", "4\n"});
    REQUIRE(stats.errors.kinds().size() == 1);
    CHECK(stats.errors.kinds()[0].first.cause == "lost update");
    CHECK(stats.errors.kinds()[0].first.text == "the counter gave 2 twice (request 2 of connection 2)");
    numbers_of(3, {"9\n", "8\n", "7\n"});
    REQUIRE(stats.errors.kinds().size() == 2);
    CHECK(stats.errors.kinds()[1].first.text == "the counter gave 8 after 9 (request 2 of connection 3)");
    CHECK(stats.errors.kinds()[1].count == 2);
    CHECK(stats.errors.count(phase::verify) == 3);
    CHECK(stats.all_answered == 9);
}

TEST_CASE("a number has no sign, no leading zero, no blank, and less than twenty digits") {
    for (const char* answer : {"0\n", "-1\n", "+1\n", "01\n", " 1\n", "1 \n", "1\r\n", "\n", "x\n", "1.5\n",
                               "12345678901234567890\n", "99999999999999999999999999999999\n"}) {
        CAPTURE(answer);
        CHECK(scripted_client{"counter", with_text("x")}.play({answer}).starts_with("wrong reply at byte"));
    }
    scripted_client largest{"counter", with_text("x")};
    CHECK(largest.play({"999999999", "9999999999\n"}) == "says 'x\n', reads, reads, reads, ends");
    CHECK(scripted_client{"counter", with_text("x")}.play({"12"}) ==
          "the server closed the connection after 2 bytes of the reply: expected more digits or '\\n' "
          "(request 1 of connection 1)");
}

TEST_CASE("hello is greeted by name, with the number of the request and some worker's") {
    request_options options;
    options.per_connection = 2;
    options.size = 5;
    scripted_client hello{"hello", options};
    int request = 0;
    converse(hello.driver.get_session(), 4, [&](std::string_view line) {
        CHECK(line.size() == 6);
        return fmt::format("Hello, {} (request {}, worker 12)\n", line.substr(0, 5), ++request);
    });
    CHECK(hello.cycle.replies() == 2);

    scripted_client named{"hello", with_text("Ada")};
    CHECK(named.play({"Hello, Ada (request 1, worker 7)\n"}) == "says 'Ada\n', reads, reads, ends");
    for (const char* answer : {"Hello, Bob (request 1, worker 7)\n", "Hello, Ada (request 2, worker 7)\n",
                               "Hello, Ada (request 1, worker 0)\n", "Hello, Ada (request 1, worker 7)\r\n",
                               "Hello, Ada (request 1, worker )\n", "hello, Ada (request 1, worker 7)\n"}) {
        CAPTURE(answer);
        CHECK(scripted_client{"hello", with_text("Ada")}.play({answer}).starts_with("wrong reply"));
    }
}

TEST_CASE("pi is compared digit by digit") {
    CHECK(scripted_client{"pi", with_text("9")}.play({"3.141592653\n"}) == "says '9\n', reads, reads, ends");
    CHECK(scripted_client{"pi", with_text("9")}
              .play({"3.141592654\n"})
              .starts_with("wrong reply at byte 10: expected '3\\n'"));
    auto options = one_request();
    options.digits = 4;
    CHECK(scripted_client{"pi", options}.play({"3.14", "15\n"}) == "says '4\n', reads, reads, reads, ends");
}

TEST_CASE("wait does not take a reply that comes too early") {
    scripted_client none{"wait", with_text("0")};
    CHECK(none.play({"waited 0 ms\n"}) == "says '0\n', reads, reads, ends");
    CHECK(none.error_text().empty());

    scripted_client too_early{"wait", with_text("3600000")};
    CHECK(too_early.play({"waited 3600000 ms\n"}) == "says '3600000\n', reads, reads, ends");
    CHECK(too_early.error_text().starts_with("1 x verify too early: 'waited 3600000 ms\\n' came after "));
    CHECK(too_early.plan.least_time == 1h);
}

TEST_CASE("a conversation ends when its connection has had its requests, or the run has no more") {
    request_options options;
    options.size = 1;
    scripted_client echo{"echo", options};
    echo.stats.requests_left = 5;
    int requests = 0;
    converse(echo.driver.get_session(), 1, [&](std::string_view bytes) {
        CHECK_FALSE(echo.cycle.has_ended());
        ++requests;
        return std::string{bytes};
    });
    CHECK(requests == 5);
    CHECK(echo.cycle.has_ended());
    CHECK(echo.stats.all_asked == 5);
    CHECK(echo.stats.all_answered == 5);
}

TEST_CASE("replies before the run's beginning are not counted, those after its end only by their latency") {
    const run_stats::clock::time_point zero{};
    run_stats stats;
    stats.from = zero + 10s;
    stats.until = zero + 20s;
    stats.record({zero + 1s, zero + 1s, zero, zero + 9s, 1, 1});
    stats.record({zero + 9s, zero + 9s, zero, zero + 11s, 10, 20});
    stats.record({zero + 19s, zero + 19s, zero, zero + 24s, 100, 200});
    CHECK(stats.all_answered == 3);
    CHECK(stats.answered == 1);
    CHECK(stats.bytes_sent == 10);
    CHECK(stats.bytes_received == 20);
    CHECK(stats.latency.count() == 2);
    CHECK(stats.latency.min() == 2s);
    CHECK(stats.latency.max() == 5s);
    CHECK(stats.latest == zero + 24s);
}

TEST_CASE("a set of numbers has a bounded memory, and says what it had no room for") {
    seen_numbers numbers;
    CHECK(numbers.insert(7));
    CHECK_FALSE(numbers.insert(7));
    CHECK(numbers.insert(0));
    CHECK(numbers.insert(~std::uint64_t{0}));
    CHECK_FALSE(numbers.insert(~std::uint64_t{0}));
    for (std::uint64_t far = 1; far <= 10'000; ++far) CHECK(numbers.insert(far << 40));
    CHECK(numbers.forgotten() == 10'000 - 8192 + 2);
    CHECK_FALSE(numbers.insert(std::uint64_t{5} << 40));
}

TEST_CASE("requests that cannot be asked for are refused, and say why") {
    const auto refusal = [](std::string_view service, auto change) {
        auto options = one_request();
        change(options);
        try {
            plan_requests(protocol_for(service), options);
        } catch (const std::invalid_argument& error) {
            return std::string{error.what()};
        }
        return std::string{"fine"};
    };
    CHECK(refusal("echo", [](auto& asked) { asked.size = 0; }) ==
          "a request to this service has 1 to 1073741824 bytes, not 0 (--size)");
    CHECK(refusal("hello", [](auto& options) { options.size = 65'536; }) == "fine");
    CHECK(refusal("hello", [](auto& options) { options.size = 65'537; }) ==
          "a request to this service has 1 to 65536 bytes, not 65537 (--size)");
    CHECK(refusal("hello", [](auto& options) { options.say = "two\nlines"; }) ==
          "--say must be one line without a newline");
    CHECK(refusal("pi", [](auto& options) { options.say = "many"; }) ==
          "this service needs a number, not 'many'");
    CHECK(refusal("pi", [](auto& options) { options.digits = 0; }) ==
          "service pi takes 1 to 100000 digits, not 0");
    CHECK(refusal("wait", [](auto& options) { options.say = "-1"; }) ==
          "service wait takes 0 ms or more, not -1 ms");
    CHECK(refusal("welcome", [](auto& options) { options.say = ""; }) == "fine");
    CHECK(refusal("welcome", [](auto& options) { options.say = "hi"; }) ==
          "service welcome takes no request: choose another --service, or --say ''");
    CHECK_THROWS_WITH(protocol_for("ecoh"),
                      "unknown service 'ecoh': choose one of welcome, echo, counter, hello, pi, wait, raw");
}

} // namespace parley
