// Tests of the statistics of a run: servers that lose, double, delay, cross, change or truncate replies cause
// the right error. The second half tests third-party servers, whose replies follow a rule.
#include "client/conversation/payload.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/output/report.hpp"
#include "client/load/plan/threshold.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <thread>

namespace parley {

using namespace std::chrono_literals;

namespace {

load_options options_for(const scripted_server& server, std::uint64_t requests,
                         framing framing = framing::none) {
    load_options options;
    options.target = server.endpoint().to_string();
    options.total = requests;
    options.requests.how = framing;
    return options;
}

/// Returns the error counts that are not zero: "lost 1, doubled 2".
std::string faults_of(const load_result& result) {
    const auto totals = result.stats.totals();
    std::string text;
    const auto add = [&](const char* name, std::uint64_t count) {
        if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
    };
    add("lost", totals.lost);
    add("doubled", totals.doubled);
    add("reordered", totals.reordered);
    add("crossed", totals.crossed);
    add("corrupt", totals.corrupt);
    return text;
}

load_result put_load(const load_options& options) { return generate_load(options, -1, {}); }

/// Runs a load on an echo server that corrupts its fifth chunk, and returns the error counts.
std::string faults_with(const std::function<void(std::string& chunk)>& corrupt,
                        framing framing = framing::none) {
    const scripted_server server{[&](connection& connection, int) {
        int count = 0;
        echo(connection, [&](std::string& chunk) {
            if (++count == 5) corrupt(chunk);
        });
    }};
    auto options = options_for(server, 6, framing);
    options.timeout = 2s;
    return faults_of(put_load(options));
}

} // namespace

TEST_CASE("what a server does to the bytes is told apart, however they are framed") {
    for (const auto framing : {framing::none, framing::line, framing::u16, framing::u32}) {
        CAPTURE(to_string(framing));
        const auto head = prefix_size(framing);
        CHECK(faults_with([](std::string&) {}, framing).empty());
        CHECK(faults_with([](std::string& chunk) { chunk[30] ^= 1; }, framing) == "corrupt 1");
        CHECK(faults_with([](std::string& chunk) { chunk.replace(chunk.size() / 2, 8, 8, '\0'); }, framing) ==
              "corrupt 1");
        CHECK(faults_with([&](std::string& chunk) { chunk.erase(head + 16, 8); }, framing) == "lost 1");
        CHECK(faults_with([&](std::string& chunk) { chunk.insert(head + 32, chunk.substr(head + 8, 24)); },
                          framing) == "doubled 1");
        CHECK(faults_with([](std::string& chunk) { chunk += chunk; }, framing) == "doubled 1");
    }
}

TEST_CASE("requests that are sent at once are answered one by one, and each is verified") {
    for (const auto framing : {framing::none, framing::line, framing::u16}) {
        const scripted_server server{[](connection& connection, int) { echo(connection); }};
        auto options = options_for(server, 100, framing);
        options.connections = 3;
        options.requests.pipeline = 8;
        options.requests.per_connection = 20;
        const auto result = put_load(options);
        CHECK(faults_of(result).empty());
        CHECK(result.stats.errors.count() == 0);
        CHECK(result.stats.all_asked == 100);
        CHECK(result.stats.all_answered == 100);
        CHECK(result.stats.latency.count() == 100);
        CHECK(result.stats.bytes_sent == 100 * framed(std::string(64, 'x'), framing).size());
        CHECK(result.stats.bytes_received == result.stats.bytes_sent);
    }
}

TEST_CASE("a reply that overtakes another one is found, and so is one that is left out") {
    const auto faults = [](const std::function<void(std::string & chunk)>& corrupt) {
        const scripted_server server{[&](connection& connection, int) {
            // Eight requests are 512 bytes: they are echoed once all have arrived.
            std::string input;
            echo(connection, [&](std::string& chunk) {
                input += std::exchange(chunk, {});
                if (input.size() < 512) return;
                corrupt(input);
                chunk = std::exchange(input, {});
            });
        }};
        auto options = options_for(server, 8);
        options.requests.pipeline = 8;
        options.timeout = 1s;
        const auto result = put_load(options);
        CHECK(result.stats.all_answered == 2);
        return faults_of(result);
    };
    CHECK(faults([](std::string& input) {
              std::swap_ranges(input.begin() + 128, input.begin() + 192, input.begin() + 256);
          }) == "reordered 1");
    CHECK(faults([](std::string& input) { input.replace(128, 64, input, 64, 64); }) == "doubled 1");
    CHECK(faults([](std::string& input) { input[130] ^= 1; }) == "corrupt 1");
}

TEST_CASE("a request that a server drops is lost") {
    const scripted_server server{[](connection& connection, int number) {
        if (number > 1) return echo(connection);
        read_buffer buffer;
        std::ignore = connection.read_some(buffer);
        read_until_eof(connection);
    }};
    auto options = options_for(server, 3);
    options.timeout = 1s;
    const auto result = put_load(options);
    CHECK(faults_of(result) == "lost 1");
    CHECK(result.stats.totals().sent == 3);
    CHECK(result.stats.totals().answered == 2);
}

TEST_CASE("what a server leaves unanswered is lost, however it does so, and nothing else is") {
    const auto totals_after = [](const std::function<void(connection&)>& leave, std::uint64_t pipeline) {
        const scripted_server server{[&](connection& connection, int number) {
            if (number > 1) return echo(connection);
            read_buffer buffer;
            std::ignore = connection.read_some(buffer);
            leave(connection);
        }};
        auto options = options_for(server, 9);
        options.requests.pipeline = static_cast<int>(pipeline);
        options.timeout = 1s;
        return put_load(options).stats.totals();
    };
    for (const std::uint64_t pipeline : {1, 4}) {
        CAPTURE(pipeline);
        const auto reset = totals_after([](connection& connection) { reset_on_close(connection); }, pipeline);
        CHECK(reset.lost == pipeline);
        CHECK(reset.answered == 9 - pipeline);
        CHECK(totals_after([](connection&) {}, pipeline).lost == pipeline);
        CHECK(totals_after([](connection& connection) { read_until_eof(connection); }, pipeline).lost ==
              pipeline);
        const auto wrong =
            totals_after([](connection& connection) { write_all(connection, std::string(64, '-')); }, pipeline);
        CHECK(wrong.lost == 0);
        CHECK(wrong.corrupt == 1);
        CHECK(wrong.given_up == pipeline - 1);
    }
}

TEST_CASE("what is in flight when a load ends is given up, not lost") {
    const scripted_server server{[](connection& connection, int) { read_until_eof(connection); }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.connections = 3;
    options.duration = 100ms;
    const auto totals = put_load(options).stats.totals();
    CHECK(totals.sent == 3);
    CHECK(totals.given_up == 3);
    CHECK(totals.lost == 0);
}

TEST_CASE("a few requests that were never answered leave a percentile known that they cannot change") {
    load_result result;
    auto& stats = result.stats;
    const auto begin = run_stats::clock::now();
    for (int i = 0; i != 990; ++i) stats.record({begin, begin, begin, begin + 1ms, 1, 1});
    for (int i = 0; i != 5; ++i) stats.enter_unanswered(begin, begin, begin + 100us);
    CHECK(*stats.most_at_percentile(99) < 1100us);
    CHECK_FALSE(stats.rests_on_bounds(99));
    CHECK(stats.rests_on_bounds(99.9));
    CHECK_FALSE(stats.most_at_percentile(99.9));
    CHECK(is_met(parse_threshold("p99<2ms"), result));
    CHECK_FALSE(is_met(parse_threshold("p99.9<2ms"), result));
    for (int i = 0; i != 20; ++i) stats.enter_unanswered(begin, begin, begin + 100us);
    CHECK_FALSE(is_met(parse_threshold("p99<2ms"), result));
    CHECK_FALSE(is_met(parse_threshold("max<2ms"), result));
}

TEST_CASE("a request that a server drops has waited for the time-out, at least") {
    const scripted_server server{[](connection& connection, int number) {
        if (number > 1) return echo(connection);
        read_buffer buffer;
        std::ignore = connection.read_some(buffer);
        read_until_eof(connection);
    }};
    auto options = options_for(server, 50);
    options.timeout = 300ms;
    const auto result = put_load(options);
    CHECK(result.stats.bounds.count() == 1);
    CHECK(result.stats.bounds.min() >= 300ms);
    CHECK(result.stats.latency.count() == 50);
    CHECK(result.stats.rests_on_bounds(100));
    CHECK_FALSE(result.stats.rests_on_bounds(50));
    CHECK_FALSE(is_met(parse_threshold("max<50s"), result));
    CHECK(is_met(parse_threshold("p50<50s"), result));
}

TEST_CASE("the last interval holds what came before the end of the run") {
    run_stats stats;
    histogram interval;
    stats.recent = &interval;
    stats.until = run_stats::clock::time_point{10s};
    const run_stats::clock::time_point sent{9s};
    stats.record(
        {.due = sent, .asked = sent, .free_since = sent, .verified = run_stats::clock::time_point{10s}});
    stats.record(
        {.due = sent, .asked = sent, .free_since = sent, .verified = run_stats::clock::time_point{11s}});
    CHECK(interval.count() == 1);
    CHECK(stats.answered == 1);
    CHECK(stats.latency.count() == 2);
}

TEST_CASE("a reply that is cut off is lost") {
    const scripted_server server{[](connection& connection, int number) {
        if (number > 1) return echo(connection);
        read_buffer buffer;
        write_all(connection, connection.read_some(buffer)->substr(0, 20));
        connection.shutdown_write();
        read_until_eof(connection);
    }};
    CHECK(faults_of(put_load(options_for(server, 3))) == "lost 1");
}

TEST_CASE("a reply to the request before comes in the place of the right one: it is doubled") {
    for (const auto framing : {framing::none, framing::line, framing::u32}) {
        const scripted_server server{[](connection& connection, int) {
            std::string previous;
            int count = 0;
            echo(connection, [&](std::string& chunk) {
                if (++count == 3) chunk = previous;
                previous = chunk;
            });
        }};
        const auto result = put_load(options_for(server, 4, framing));
        CHECK(faults_of(result) == "doubled 1");
        CHECK(result.stats.errors.kinds()[0].first.text.ends_with(
            "they belong to request 2, which is already answered"));
    }
}

TEST_CASE("a late reply is no fault") {
    CHECK(faults_with([](std::string&) { std::this_thread::sleep_for(20ms); }).empty());
}

TEST_CASE("bytes that cross over to another connection are found, and whose they are") {
    for (const int threads : {1, 2}) {
        std::mutex lock;
        std::map<int, std::string> latest;
        const scripted_server server{[&](connection& connection, int number) {
            int count = 0;
            echo(connection, [&](std::string& chunk) {
                const std::lock_guard guard{lock};
                latest[number] = chunk;
                if (number < 2 || ++count < 5) return;
                for (const auto& [connection_number, text] : latest)
                    if (connection_number != number) chunk = text;
            });
        }};
        auto options = options_for(server, 60);
        options.connections = 2;
        options.threads = threads;
        options.requests.per_connection = 10;
        const auto result = put_load(options);
        REQUIRE(faults_of(result).starts_with("crossed "));
        CHECK(result.stats.errors.kinds()[0].first.text.find("they belong to byte 0 of request") !=
              std::string::npos);
    }
}

// Third-party servers.

namespace {

std::string errors_with(const scripted_server& server, const std::string& request, const std::string& expect,
                        framing framing = framing::none) {
    auto options = options_for(server, 3, framing);
    options.service = "raw";
    options.requests.send = request;
    options.requests.expect = expect;
    std::string text;
    const auto result = put_load(options);
    for (const auto& error : result.stats.errors.kinds())
        text += fmt::format("{}: {}\n", error.first.cause, error.first.text);
    return text;
}

/// Returns a server that answers each chunk with `text`.
scripted_server::behaviour answering(std::string text) {
    return [text](connection& connection, int) { echo(connection, [&](std::string& chunk) { chunk = text; }); };
}

} // namespace

TEST_CASE("the reply of any server is a text, a pattern or a number of bytes") {
    const scripted_server pong{answering("+PONG\r\n")};
    CHECK(errors_with(pong, "PING\r\n", "+PONG\\r\\n").empty());
    CHECK(errors_with(pong, "PING\r\n", "/PONG/").empty());
    CHECK(errors_with(pong, "PING\r\n", "7 bytes").empty());
    CHECK(errors_with(pong, "PING", "/^.PONG/", framing::line).empty());
    CHECK(errors_with(pong, "PING", "6 bytes", framing::line).empty());

    CHECK(errors_with(pong, "PING\r\n", "+PING\\r\\n")
              .starts_with("wrong bytes: wrong reply at byte 2: expected 'I"));
    CHECK(errors_with(pong, "PING\r\n", "6 bytes")
              .starts_with("too many bytes: 6 bytes of a reply were complete"));
    CHECK(errors_with(pong, "PING", "/ping/", framing::line)
              .starts_with("wrong bytes: wrong reply at byte 0: expected a match of /ping/, got '+PONG\\r'"));
    CHECK(errors_with(pong, "PING", "5 bytes", framing::line).find("expected 5 bytes") != std::string::npos);
}

TEST_CASE("a reply with a length before it is taken as a whole") {
    using namespace std::string_literals;
    const scripted_server server{answering("\0\5hello"s)};
    CHECK(errors_with(server, "x", "hello", framing::u16).empty());
    CHECK(errors_with(server, "x", "/l+o$/", framing::u16).empty());
    CHECK(errors_with(server, "x", "5 bytes", framing::u16).empty());
    CHECK(errors_with(server, "x", "6 bytes", framing::u16).starts_with("wrong bytes"));
    const scripted_server liar{answering("\xff\xff\xff\xff")};
    CHECK(errors_with(liar, "x", "/hello/", framing::u32).find("a message of 4294967295 bytes was announced") !=
          std::string::npos);
}

TEST_CASE("a reply can last until the server closes, or come without a question") {
    const scripted_server closes{[](connection& connection, int) {
        read_buffer buffer;
        std::ignore = connection.read_some(buffer);
        write_all(connection, "all of it");
        connection.shutdown_write();
        read_until_eof(connection);
    }};
    CHECK(errors_with(closes, "GET", "until-close").empty());
    CHECK(errors_with(closes, "GET", "all of it and more").starts_with("end of input: the server closed the"));
    const scripted_server greets{[](connection& connection, int) {
        write_all(connection, "220 ready\r\n");
        read_until_eof(connection);
    }};
    CHECK(errors_with(greets, "", "/^220 .*\n$/").empty());
}

TEST_CASE("what is to be sent and expected is checked before the load") {
    const auto refusal = [](const std::string& expect, framing framing = framing::none,
                            const std::string& send = "x") {
        request_options options;
        options.expect = expect;
        options.how = framing;
        options.send = send;
        try {
            std::ignore = plan_requests(protocol_for("raw"), options);
        } catch (const std::invalid_argument& error) {
            return std::string{error.what()};
        }
        return std::string{"fine"};
    };
    CHECK(refusal("ok") == "fine");
    CHECK(refusal("//") == "fine"); // a text of two slashes, not a pattern
    CHECK(refusal("").starts_with("service raw needs an expected response"));
    CHECK(refusal("/(/").starts_with("--expect /(/ is no regular expression: "));
    CHECK(refusal("0 bytes").starts_with("--expect '0 bytes' is no reply"));
    CHECK(refusal("\\q").starts_with("unknown escape in"));
    CHECK(refusal("ok\\n", framing::line) == "a line cannot contain a newline: choose another --framing");
    CHECK(refusal("ok", framing::u16, std::string(70'000, 'x'))
              .starts_with("a message of 70000 bytes is too long"));
    CHECK(unescaped("a\\n\\r\\t\\\\\\x41") == "a\n\r\t\\A");
    CHECK_THROWS_AS(unescaped("\\x4"), std::invalid_argument);
    CHECK_THROWS_AS(unescaped("\\"), std::invalid_argument);
    CHECK_THROWS_AS(parse_framing("u64"), std::invalid_argument);
}

TEST_CASE("parley-load loads any server") {
    const temporary_folder folder;
    std::ofstream{folder.file("request")} << "PING";
    const scripted_server pong{answering("+PONG\n")};
    const auto exit_code_for = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {PARLEY_LOAD, pong.endpoint().to_string(), "--requests", "5"});
        subprocess program{std::move(arguments), subprocess::errors::kept};
        const auto end = program.wait(60s);
        return end ? end->exit_code().value_or(-1) : -1;
    };
    const auto succeeds = [&](std::vector<std::string> arguments) {
        const int code = exit_code_for(std::move(arguments));
        return code == 0 || code == 3; // exit status 3: on a busy machine the run may be invalid
    };
    CHECK(succeeds({"--send", "PING\\n", "--expect", "+PONG\\n"}));
    CHECK(succeeds({"--send", "@" + folder.file("request"), "--expect", "/PONG/", "--framing", "line"}));
    CHECK(exit_code_for({"--service", "raw", "--send", "PING", "--expect", "PING"}) == 1);
    CHECK(exit_code_for({"--send", "PING"}) == 2);
    CHECK(exit_code_for({"--send", "@" + folder.file("missing"), "--expect", "x"}) == 2);
    CHECK(exit_code_for({"--service", "echo", "--send", "PING", "--expect", "x"}) == 2);
    CHECK(exit_code_for({"--framing", "json"}) == 2);
    CHECK(exit_code_for({"--send", "PING", "--expect", "+PONG\\n+PONG\\n", "--pipeline", "2"}) == 1);
    CHECK(exit_code_for({"--send", "PING", "--expect", "/PONG/", "--pipeline", "2"}) == 2);
    CHECK(exit_code_for({"--pipeline", "0"}) == 2);
    CHECK(exit_code_for({"--pipeline", "1000"}) == 2);
    CHECK(exit_code_for({"--pipeline", "2", "--rate", "5"}) == 2);
    CHECK(exit_code_for({"--pipeline", "2", "--service", "pi"}) == 2);
}

TEST_CASE("hostile servers neither hang the load nor make it grow") {
    const auto peak_memory_kib = [] {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
    };
    [[maybe_unused]] const auto before = peak_memory_kib();
    const auto load_fails = [](const scripted_server::behaviour& behave, const std::string& expect,
                               framing framing) {
        const scripted_server server{behave};
        auto options = options_for(server, 3, framing);
        options.service = "raw";
        options.requests.send = "x";
        options.requests.expect = expect;
        options.timeout = 200ms;
        const auto result = put_load(options);
        CHECK((result.stats.errors.count() >= 1 || result.end == ending::no_progress));
        CHECK(result.stats.all_answered == 0);
    };
    const auto endless = [](connection& connection, int) {
        const std::string megabyte(1 << 20, 'x');
        for (;;) write_all(connection, megabyte);
    };
    load_fails(endless, "/never/", framing::none);
    load_fails(endless, "/never/", framing::line);
    load_fails(endless, "5 bytes", framing::u32);
    load_fails(endless, "5 bytes", framing::none);
    load_fails([](connection& connection, int) { reset_on_close(connection); }, "ok", framing::none);
    load_fails([](connection& connection, int) { read_until_eof(connection); }, "ok", framing::none);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // sanitizers keep freed memory
    CHECK(peak_memory_kib() - before < 64 * 1024);
#endif
    load_fails(
        [](connection& connection, int number) {
            std::string garbage(300, '\0');
            payload{99, static_cast<std::uint64_t>(number), 1}.bytes(garbage, 0);
            write_all(connection, garbage);
        },
        "ok", framing::u16);
}

} // namespace parley
