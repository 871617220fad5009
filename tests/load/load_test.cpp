// The load generator against servers that behave and misbehave: its counts match what happened, and each
// error has a name.
#include "client/conversation/fairness.hpp"
#include "client/load/engine/percentiles.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/output/report.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/temporary_folder.hpp"

#include <algorithm>
#include <atomic>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <future>
#include <nlohmann/json.hpp>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>

namespace parley {

using namespace std::chrono_literals;

namespace {

load_options options_for(const scripted_server& server, std::uint64_t requests, int connections = 1) {
    load_options options;
    options.target = server.endpoint().to_string();
    options.total = requests;
    options.connections = connections;
    return options;
}

load_options timed_options_for(const scripted_server& server, std::chrono::milliseconds duration,
                               int connections) {
    auto options = options_for(server, 0, connections);
    options.total.reset();
    options.duration = duration;
    options.warm_up = 0s;
    return options;
}

/// Returns the errors in short: "3 x read recv ECONNRESET, 1 x verify wrong bytes".
std::string errors_of(const load_result& result) {
    std::string text;
    for (const auto& [failure, count] : result.stats.errors.kinds())
        text += fmt::format("{}{} x {} {}{}{}", text.empty() ? "" : ", ", count, to_string(failure.where),
                            failure.call, failure.call.empty() ? "" : " ", failure.cause);
    return text;
}

load_result put_load(const load_options& options, int stop = -1) { return generate_load(options, stop, {}); }

} // namespace

TEST_CASE("each request is answered once, over as many connections as that takes") {
    std::atomic<std::uint64_t> echoed = 0;
    const scripted_server server{[&](connection& connection, int) {
        echo(connection, [&](std::string& piece) { echoed += piece.size(); });
    }};
    auto options = options_for(server, 1'000, 8);
    options.requests.per_connection = 10;
    options.requests.size = 100;
    const auto result = put_load(options);

    CHECK(errors_of(result).empty());
    CHECK(result.end == ending::requests_done);
    CHECK(result.stats.all_asked == 1'000);
    CHECK(result.stats.all_answered == 1'000);
    CHECK(result.stats.answered == 1'000);
    CHECK(result.stats.latency.count() == 1'000);
    CHECK(result.stats.bytes_sent == 100'000);
    CHECK(result.stats.bytes_received == 100'000);
    CHECK(echoed == 100'000);
    CHECK(result.connected >= 100);
    CHECK(result.connecting.count() == result.connected);
    CHECK(result.served == 8);
    CHECK(result.unanswered == 0);
    CHECK(result.rate() > 0);
    CHECK(complaints(result, false).empty());
}

TEST_CASE("requests far larger than the sockets' memory go through") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    auto options = options_for(server, 6, 3);
    options.requests.size = 5'000'001;
    const auto result = put_load(options);
    CHECK(errors_of(result).empty());
    CHECK(result.stats.bytes_received == 30'000'006);
}

TEST_CASE("a load for a time counts what came between its warm-up and its end") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    auto options = timed_options_for(server, 100ms, 2);
    options.warm_up = 50ms;
    const auto result = put_load(options);
    CHECK(errors_of(result).empty());
    CHECK(result.end == ending::time_over);
    CHECK(result.counted == 50ms);
    CHECK(result.stats.answered <= result.stats.latency.count());
    CHECK(result.stats.latency.count() <= result.stats.all_answered);
    CHECK(result.stats.all_answered <= result.stats.all_asked);
}

TEST_CASE("what is answered while other connections are still being made does not count") {
    // The backlog of 0 holds one connection more than the one that is served: the other clients try until the
    // timeout.
    const auto endpoint = listening_socket(own_endpoint(), 0);
    load_options options;
    options.target = address::of_socket(endpoint.get()).to_string();
    options.connections = 6;
    options.duration = 200ms;
    options.warm_up = 0s;
    options.timeout = 400ms;
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t answered_early = 0;
    std::jthread served{[&] {
        connection connection{unique_fd{accept4(endpoint.get(), nullptr, nullptr, SOCK_CLOEXEC)}};
        echo(connection,
             [&](auto&) { answered_early += std::chrono::steady_clock::now() < start + 300ms ? 1 : 0; });
    }};
    const auto result = put_load(options);
    served.join();
    CHECK(answered_early > 10);
    CHECK(result.stats.answered > 0);
    const auto in_flight = 1;
    CHECK(result.stats.latency.count() + answered_early <= result.stats.all_answered + in_flight);
}

TEST_CASE("a wrong byte is found, and the load goes on over a new connection") {
    const scripted_server server{[](connection& connection, int number) {
        echo(connection, [&](std::string& piece) { piece.back() ^= number == 2 ? 1 : 0; });
    }};
    auto options = options_for(server, 20);
    options.requests.per_connection = 5;
    const auto result = put_load(options);
    CHECK(errors_of(result) == "1 x verify corrupt");
    CHECK(result.stats.errors.kinds()[0].first.text.starts_with("wrong reply at byte 63: expected"));
    CHECK(result.stats.all_answered == 19);
    CHECK(complaints(result, false) == std::vector<std::string>{"1 wrong reply"});
}

TEST_CASE("bytes after the last reply are found") {
    const scripted_server server{[](connection& connection, int) {
        echo(connection);
        write_all(connection, "bye");
    }};
    CHECK(errors_of(put_load(options_for(server, 3))) == "1 x verify too many bytes");
}

TEST_CASE("a connection that ends in the midst of a reply is told from one that is reset") {
    const scripted_server closes{[](connection& connection, int) {
        read_buffer buffer;
        write_all(connection, connection.read_some(buffer)->substr(0, 10));
    }};
    const auto closed = put_load(options_for(closes, 1));
    CHECK(errors_of(closed) == "1 x read recv end of input");
    CHECK(closed.stats.errors.kinds()[0].first.text.starts_with(
        "the server closed the connection after 10 bytes"));

    const scripted_server resets{[](connection& connection, int) {
        read_buffer buffer;
        std::ignore = connection.read_some(buffer);
        reset_on_close(connection);
    }};
    CHECK(errors_of(put_load(options_for(resets, 1))) == "1 x read recv ECONNRESET");
}

TEST_CASE("a server that goes away and returns is connected to again") {
    const scripted_server server{[](connection& connection, int number) {
        if (number > 3) return echo(connection);
        read_buffer buffer;
        for (int answers = 0; answers < 4; ++answers) write_all(connection, *connection.read_some(buffer));
        std::ignore = connection.read_some(buffer); // closing with bytes unread would be a reset
    }};
    const auto result = put_load(options_for(server, 100));
    CHECK(errors_of(result) == "3 x read recv end of input");
    CHECK(result.connected == 4);
    CHECK(result.stats.all_asked == 100);
    CHECK(result.stats.all_answered == 97);
    CHECK(complaints(result, true) == std::vector<std::string>{"3 errors"});
}

TEST_CASE("no reply within the time-out is an error") {
    const scripted_server server{[](connection& connection, int) { read_until_eof(connection); }};
    auto options = options_for(server, 2, 2);
    options.timeout = 50ms;
    const auto result = put_load(options);
    CHECK(errors_of(result) == "2 x read recv ETIMEDOUT");
    CHECK(result.stats.errors.kinds()[0].first.text == "no reply within 50 ms");
    CHECK(result.served == 0);
    CHECK(result.unanswered == 2);
    CHECK(complaints(result, true) == std::vector<std::string>{"2 errors", "no reply was counted"});
}

TEST_CASE("a server that does not end the conversation is found") {
    const unique_fd loaded{eventfd(0, 0)};
    const scripted_server server{[&](connection& connection, int) {
        echo(connection);
        eventfd_t value = 0;
        eventfd_read(loaded.get(), &value);
    }};
    auto options = options_for(server, 2);
    options.timeout = 500ms;
    const auto result = put_load(options);
    eventfd_write(loaded.get(), 1);
    CHECK(errors_of(result) == "1 x read recv ETIMEDOUT");
    CHECK(result.stats.errors.kinds()[0].first.text == "the server did not end the conversation within 500 ms");
    CHECK(result.stats.all_answered == 2);
}

TEST_CASE("connections without any reply are reported, and can be allowed") {
    constexpr int connections = 5;
    const unique_fd stop{eventfd(0, 0)};
    // The first connection is ready after two requests, because it then has a reply; the others after one.
    std::atomic<int> ready = 0;
    const scripted_server server{[&](connection& connection, int number) {
        if (number == 1) {
            int count = 0;
            return echo(connection, [&](std::string&) {
                if (++count == 2) ++ready;
            });
        }
        read_buffer buffer;
        std::ignore = connection.read_some(buffer);
        ++ready;
        read_until_eof(connection);
    }};
    const auto result =
        generate_load(timed_options_for(server, 1h, connections), stop.get(), [&](auto, auto& so_far) {
            if (ready == connections && so_far.stats.answered > 0) eventfd_write(stop.get(), 1);
        });
    CHECK(errors_of(result).empty());
    CHECK(result.served == 1);
    CHECK(result.unanswered == 4);
    CHECK(complaints(result, true).empty());
    CHECK(complaints(result, false) == std::vector<std::string>{"4 connections never got a reply"});
}

TEST_CASE("a cool-down keeps the load up, and is in no figure") {
    std::atomic<int> connections = 0;
    const scripted_server server{[&](connection& connection, int) {
        ++connections;
        echo(connection);
        --connections;
    }};
    auto options = options_for(server, 0);
    options.total.reset();
    options.duration = 100ms;
    options.warm_up = 0ms;
    options.connections = 3;
    options.interval = 20ms;
    options.cool_down = 1h;
    const unique_fd stop{eventfd(0, 0)};
    std::uint64_t asked_in_time = 0, asked_in_parts = 0;
    const auto watch = [&](std::chrono::nanoseconds, const load_result& so_far) {
        const auto time = run_stats::clock::now();
        if (time < so_far.stats.until || time - so_far.stats.until < 100ms) return;
        CHECK(connections == 3);
        if (asked_in_time == 0) asked_in_time = so_far.stats.all_asked;
        // Stops only once the server has replied to more requests after the measured time.
        if (so_far.stats.all_asked > asked_in_time) eventfd_write(stop.get(), 1);
    };
    const auto result = generate_load(options, stop.get(), watch,
                                      [&](const interval& interval) { asked_in_parts += interval.asked; });
    CHECK(result.end == ending::time_over);
    CHECK(result.counted == 100ms);
    CHECK(result.stats.errors.count() == 0);
    CHECK(result.stats.all_answered >= asked_in_time);
    // Up to three requests were in flight when the measurement began.
    CHECK(result.stats.latency.count() <= asked_in_parts + 3);
    CHECK(asked_in_parts < asked_in_time);
    CHECK(result.stats.answered <= result.stats.latency.count());
}

TEST_CASE("a load ends at once where nobody listens") {
    std::string target;
    {
        const scripted_server gone{[](connection&, int) {}};
        target = gone.endpoint().to_string();
    }
    load_options options;
    options.target = target;
    options.duration = 1h;
    options.connections = 10;
    const auto result = put_load(options);
    CHECK(result.end == ending::connect_failed);
    CHECK(errors_of(result) == "10 x connect connect ECONNREFUSED");
    CHECK(result.stats.errors.kinds()[0].first.text == "connect " + target + ": Connection refused");
    CHECK(result.unanswered == 0);
}

TEST_CASE("a UNIX socket whose queue is full is tried again, and does not end the load") {
    const temporary_folder folder;
    const auto address = address::resolve("unix:" + folder.file("socket")).front();
    const unique_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::bind(socket.get(), address.data(), address.size()) == 0);
    REQUIRE(::listen(socket.get(), 0) == 0);
    const unique_fd first{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::connect(first.get(), address.data(), address.size()) == 0); // the queue is full
    load_options options;
    options.target = address.to_string();
    options.connections = 2;
    options.total = 10;
    auto loading = std::async(std::launch::async, [&] { return put_load(options); });
    std::this_thread::sleep_for(200ms); // a server that is slow to accept
    std::vector<std::jthread> clients;
    for (int client = 0; client != 3; ++client) {
        unique_fd accepted{::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        REQUIRE(accepted);
        if (client > 0)
            clients.emplace_back(
                [connection = connection{std::move(accepted), address}]() mutable { echo(connection); });
    }
    const auto result = loading.get();
    CHECK(result.stats.errors.count() == 0);
    CHECK(result.stats.all_answered == 10);
}

TEST_CASE("a load that is told to stop awaits what is in flight, and reports") {
    constexpr int connections = 4;
    const unique_fd stop{eventfd(0, 0)};
    std::atomic<int> ready = 0;
    const scripted_server server{[&](connection& connection, int) {
        int count = 0;
        echo(connection, [&](std::string&) {
            if (++count == 50 && ++ready == connections) eventfd_write(stop.get(), 1);
        });
    }};
    const auto result = put_load(timed_options_for(server, 1h, connections), stop.get());
    CHECK(result.end == ending::interrupted);
    CHECK(errors_of(result).empty());
    CHECK(result.stats.all_asked == result.stats.all_answered);
    CHECK(result.stats.all_answered >= 50 * connections);
    CHECK(result.served == connections);
    CHECK(result.counted < 1h);
}

TEST_CASE("a counter that loses updates is caught, with their number") {
    const scripted_server server{[](connection& connection, int) {
        int value = 0; // of this connection alone
        echo(connection, [&](std::string& piece) { piece = fmt::format("{}\n", ++value); });
    }};
    auto options = options_for(server, 30, 3);
    options.service = "counter";
    options.requests.per_connection = 10;
    const auto result = put_load(options);
    CHECK(errors_of(result) == "20 x verify lost update");
    CHECK(result.stats.all_answered == 30);
}

TEST_CASE("a host's addresses are tried in turn") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }, "127.0.0.1:0"};
    auto options = options_for(server, 10, 2);
    options.target = fmt::format("localhost:{}", parse_endpoint(options.target).port);
    const auto result = put_load(options);
    CHECK(errors_of(result).empty());
    CHECK(result.stats.all_answered == 10);
}

TEST_CASE("it is told how evenly the connections are served, where each asks as often as it can") {
    const scripted_server server{[](connection& connection, int number) {
        echo(connection, [&](std::string&) {
            if (number == 1)
                std::this_thread::sleep_for(50ms); // the first connection is served less often than the others
        });
    }};
    auto options = timed_options_for(server, 500ms, 4);
    const auto shares = put_load(options).shares;
    REQUIRE(shares.size() == 4);
    CHECK(2 * *std::ranges::min_element(shares) < *std::ranges::max_element(shares));
    CHECK(fairness_of(shares) < 0.99);
    options.requests.per_connection = 5; // short connections: the shares of a client's connections are added up
    const auto shares_of_short = put_load(options).shares;
    CHECK(shares_of_short.size() == 4);
    CHECK(*std::ranges::max_element(shares_of_short) > 5);
    options.rate = 100;
    CHECK(put_load(options).shares.empty()); // with a rate, any idle connection sends
    options.thresholds = {parse_threshold("fairness>0.9")};
    CHECK_THROWS_WITH_AS(put_load(options), doctest::Contains("leave out --rate"), std::invalid_argument);
}

TEST_CASE("options that contradict each other are refused") {
    const auto refusal = [](auto change) {
        load_options options;
        options.target = "127.0.0.1:1";
        options.duration = 1s;
        change(options);
        try {
            put_load(options);
        } catch (const std::invalid_argument& error) {
            return std::string{error.what()};
        }
        return std::string{"fine"};
    };
    CHECK(refusal([](auto&) {}) == "fine");
    CHECK(refusal([](auto& options) { options.connections = 0; }) == "--connections must be 1 to 1000000");
    CHECK(refusal([](auto& options) { options.connections = 2'000'000'000; }) ==
          "--connections must be 1 to 1000000");
    CHECK(refusal([](auto& options) {
              options.duration.reset();
              options.total = 0;
          }) == "--requests must be at least 1");
    CHECK(refusal([](auto& options) { options.total = 5; }).starts_with("give either a duration"));
    CHECK(refusal([](auto& options) { options.duration.reset(); }).starts_with("give either a duration"));
    CHECK(refusal([](auto& options) {
              options.duration.reset();
              options.total = 1;
              options.cool_down = 1s;
          }) == "--cool-down needs a --duration or a --stage: add one, or leave it out");
    CHECK(refusal([](auto& options) { options.warm_up = 1s; }) ==
          "--warm-up: 1000 ms leave nothing of the duration of 1000 ms to count; shorten it");
    CHECK(refusal([](auto& options) { options.timeout = 0s; }) == "--timeout must be longer than 0");
    CHECK(refusal([](auto& options) { options.service = "smtp"; }).starts_with("unknown service 'smtp'"));
}

TEST_CASE("a percentile is told only if at least ten replies lie beyond it") {
    histogram times;
    for (int i = 0; i < 1'000; ++i) times.record(1ms);
    CHECK(settled_percentile(times, 50).has_value());
    CHECK(settled_percentile(times, 99).has_value());
    CHECK_FALSE(settled_percentile(times, 99.9).has_value());
    CHECK_FALSE(settled_percentile(histogram{}, 50).has_value());
}

// The program parley-load.

namespace {

program_result parley_load(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), PARLEY_LOAD);
    return run_program(std::move(arguments));
}

} // namespace

TEST_CASE("parley-load reports as JSON, with all its options") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    const auto [code, output, errors, left_processes] =
        parley_load({server.endpoint().to_string(), "--connections", "3", "--requests", "3000", "--size", "10",
                     "--json", "-"});
    CHECK_FALSE(left_processes);
    const auto report = nlohmann::json::parse(output);
    const bool valid = report["verdict"]["valid"];
    CHECK(code == (valid ? 0 : 3)); // exit status 3: on a busy machine the run may be invalid
    CHECK(report["verdict"]["reasons"].empty() == valid);
    CHECK(report["schema"] == "parley-load/1");
    CHECK(report["ok"] == true);
    CHECK(report["ending"] == "requests done");
    CHECK(report["options"]["connections"] == 3);
    CHECK(report["options"]["per_connection"].is_null());
    CHECK(report["requests"] == 3'000);
    CHECK(report["bytes_received"] == 30'000);
    CHECK(report["served"] == 3);
    CHECK(report["unanswered"] == 0);
    CHECK(report["wrong"] == 0);
    CHECK(report["errors"].empty());
    CHECK(report["latency_ms"]["count"] == 3'000);
    CHECK(report["latency_ms"]["p50"].is_number());
    CHECK(report["latency_ms"]["p99.9"].is_null());
    const auto& steps = report["latency_distribution"];
    CHECK(steps.front()[0] == 10);
    CHECK(steps.back()[0] == 99.5); // fifteen replies lie beyond 99.5 %, and only six beyond the next step
    CHECK(
        std::ranges::is_sorted(steps, {}, [](const auto& bucket) { return bucket[1].template get<double>(); }));
    CHECK(steps[2] == nlohmann::json{50, report["latency_ms"]["p50"]});
    CHECK(report["connecting_ms"]["p50"].is_null());
    CHECK((errors.find("requests/s") != errors.npos) == valid);
}

TEST_CASE("parley-load takes the short options of its kind, and says how it was called") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    const std::vector<std::string> command{PARLEY_LOAD, server.endpoint().to_string(),
                                           "-c",        "2",
                                           "-n",        "20",
                                           "-t",        "1",
                                           "-s",        "32",
                                           "-r",        "1.5k",
                                           "-o",        "-"};
    subprocess program{command, subprocess::errors::kept};
    const auto end = program.wait(60s);
    REQUIRE(end);
    const auto report = nlohmann::json::parse(program.rest_of_output());
    CHECK(report.at("options").at("connections") == 2);
    CHECK(report.at("options").at("requests") == 20);
    CHECK(report.at("options").at("size") == 32);
    CHECK(report.at("options").at("rate") == 1'500);
    CHECK(report.at("command") == command);
    CHECK(report.at("host").get<std::string>() != "");
    CHECK(report.at("parley").get<std::string>().find('.') != std::string::npos);
    CHECK(report.at("ended").get<std::string>().ends_with("Z"));
    for (const auto* rate : {"10x", "k", "-1", "1e400", "nan"}) {
        subprocess refused{{PARLEY_LOAD, "127.0.0.1:1", "--rate", rate}, subprocess::errors::kept};
        CHECK(refused.wait(60s)->exit_code() == 2);
    }
    subprocess url{{PARLEY_LOAD, "http://127.0.0.1:1/"}, subprocess::errors::kept};
    CHECK(url.wait(60s)->exit_code() == 2);
    CHECK(url.error_output().find("write HOST:PORT") != std::string::npos);
}

TEST_CASE("a run that is too short for what is asked ends with 3 and prints no result") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    const auto short_run =
        parley_load({server.endpoint().to_string(), "--requests", "30", "--percentiles", "50,99.9"});
    CHECK(short_run.code == 3);
    CHECK(short_run.output.find("requests/s") == short_run.output.npos);
    CHECK(short_run.output.find("latency  ") == short_run.output.npos);
    CHECK(short_run.output.find("too-short: p99.9 needs 10,000 replies (ten beyond it), and there were 30") !=
          short_run.output.npos);
    CHECK(parley_load({server.endpoint().to_string(), "--percentiles", "100"}).code == 2);
}

TEST_CASE("parley-load fails with 1 if replies are wrong, with 2 if it is called wrongly") {
    const scripted_server server{[](connection& connection, int) {
        echo(connection, [](std::string& piece) { piece = "error: no\n"; });
    }};
    const auto endpoint = server.endpoint().to_string();
    const auto wrong = parley_load({endpoint, "--requests", "1"});
    CHECK(wrong.code == 1);
    CHECK(wrong.output.find("1 x verify wrong bytes: wrong reply at byte 0: expected") != wrong.output.npos);
    CHECK(wrong.errors == "parley-load: 1 wrong reply\nparley-load: 1 connection never got a reply\n"
                          "parley-load: no reply was counted\n");

    CHECK(parley_load({endpoint, "--duration", "10"}).code == 2);
    CHECK(parley_load({endpoint, "--requests", "5", "--duration", "10s"}).code == 2);
    CHECK(parley_load({endpoint, "--connections", "many"}).code == 2);
    CHECK(parley_load({endpoint, "--size", "0"}).code == 2);
    CHECK(parley_load({}).code == 2);
    CHECK(parley_load({"nowhere"}).code == 2);
    const auto unwritable = parley_load({endpoint, "--requests", "1", "--json", "/nonexistent/report"});
    CHECK(unwritable.code == 1);
    CHECK(unwritable.errors == "parley-load: cannot write /nonexistent/report: No such file or directory\n");
    CHECK(parley_load({"--version"}).output.starts_with("parley-load "));
}

} // namespace parley
