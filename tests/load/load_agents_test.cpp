// A load that several agents put on one server: what they say to each other, who may say it, and what becomes
// of the load when one of them is gone.
#include "client/load/agents/agent_messages.hpp"
#include "client/load/agents/psk_channel.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temporary_folder.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <openssl/evp.h>
#include <openssl/ssl.h>

namespace parley {

using namespace std::chrono_literals;

namespace {

/// OpenSSL writes to sockets whose other end may have gone.
[[maybe_unused]] const auto ignored = std::signal(SIGPIPE, SIG_IGN);

using side = psk_channel::side;

/// Both ends of a channel, each with its secret; or what was wrong with each.
struct two_ends {
    std::unique_ptr<psk_channel> agent, controller;
    std::string wrong_with_agent, wrong_with_controller;

    two_ends(const std::string& secret, const std::string& other) {
        auto pair = make_socket_pair(0);
        auto shaking = std::async(std::launch::async, [&, connection = std::move(pair.ours)]() mutable {
            make(agent, std::move(connection), side::agent, secret, wrong_with_agent);
        });
        make(controller, std::move(pair.theirs), side::controller, other, wrong_with_controller);
    }

private:
    static void make(std::unique_ptr<psk_channel>& into, connection connection, side which,
                     const std::string& secret, std::string& wrong) {
        try {
            into = std::make_unique<psk_channel>(std::move(connection), which, secret, time_limit);
        } catch (const std::runtime_error& why) {
            wrong = why.what();
        }
    }
};

constexpr const char* secret = "a secret of the tests, long enough";

} // namespace

TEST_CASE("a histogram comes through as numbers as it was") {
    histogram times;
    for (int each = 0; each != 1000; ++each) times.record(std::chrono::microseconds{each * each});
    times.record(2min);
    const auto same = histogram::unpacked(times.packed());
    CHECK(std::equal(same.counts().begin(), same.counts().end(), times.counts().begin()));
    CHECK(same.count() == 1001);
    CHECK(same.over_maximum() == 1);
    CHECK(same.mean() == times.mean());
    CHECK(same.min() == 0ns);
    CHECK(same.max() == histogram::maximum);
    CHECK(histogram::unpacked(histogram{}.packed()).min() == 0ns);

    const std::vector<std::vector<std::uint64_t>> no_histograms{
        {}, {1, 2, 3}, {1, 2, 3, 0, 5}, {1, 2, 3, 0, 1u << 30, 1}, {1, ~0ull, 3, 0}};
    for (const auto& nonsense : no_histograms) {
        CAPTURE(nonsense.size());
        CHECK_THROWS_AS(histogram::unpacked(nonsense), std::invalid_argument);
    }
}

TEST_CASE("a set of numbers comes through as it was") {
    seen_numbers seen, more;
    for (std::uint64_t each : {1ull, 63ull, 64ull, 65'535ull, 65'536ull, 1'000'000'007ull}) seen.insert(each);
    const auto same = seen_numbers::unpacked(seen.packed());
    for (std::uint64_t each : {64ull, 65'536ull, 2ull}) more.insert(each);
    CHECK(more.add(same) == 2);
    CHECK(same.forgotten() == 0);
    CHECK_THROWS_AS(seen_numbers::unpacked({}), std::invalid_argument);
    CHECK_THROWS_AS(seen_numbers::unpacked(std::vector<std::uint64_t>(7)), std::invalid_argument);
}

TEST_CASE("what is to be loaded comes through as it was") {
    load_options asked;
    asked.target = "[::1]:7";
    asked.service = "raw";
    asked.requests.send = std::string{"\0\xff\r\n", 4};
    asked.requests.expect = "/ok/";
    asked.requests.how = framing::u16;
    asked.requests.per_connection = 3;
    asked.connections = 7;
    asked.total = 100;
    asked.rate = 0.5;
    asked.arriving = parse_arrivals("burst:4");
    asked.stages = {parse_stage("2s@5..50c")};
    asked.think = 3ms;
    asked.tls = tls_options{"name", "file", false};
    asked.interval = 20ms;
    asked.agent = 1;
    asked.agents = 3;
    const auto message = message_of(asked);
    const auto same = options_in(message);
    CHECK(message_of(same) == message);
    CHECK(same.requests.send == asked.requests.send);
    CHECK(same.stages[0].to == 50);
    CHECK(same.tls->authorities == "file");
    CHECK_FALSE(same.duration);
    CHECK(same.rate == 0.5);
    CHECK_THROWS_AS(options_in({{"target", 5}}), nlohmann::json::exception);
}

TEST_CASE("what became of a load comes through as it was") {
    load_result found;
    found.stats.all_asked = 9;
    found.stats.errors.add({phase::connect, "connect", "ECONNREFUSED", "connect: refused"}, 4);
    found.stats.numbers.insert(5);
    found.stats.latency.record(3ms);
    found.throughput = {{1s, 5, 0.25}};
    found.shares = {1, 2};
    found.counted = 5s;
    found.end = ending::requests_done;
    found.network.sent_again = 2;
    const auto message = message_of(found);
    const auto same = result_in(message);
    CHECK(message_of(same) == message);
    CHECK(same.stats.errors.count(phase::connect, "ECONNREFUSED") == 4);
    CHECK(same.stats.latency.max() == 3ms);
    CHECK(same.end == ending::requests_done);
}

TEST_CASE("messages go both ways, small and large, and a part of one is none") {
    two_ends ends{secret, secret};
    REQUIRE(ends.wrong_with_agent == "");
    REQUIRE(ends.wrong_with_controller == "");
    CHECK_FALSE(ends.agent->receive(0ms));
    ends.controller->send({{"kind", "go"}});
    ends.controller->send({1, 2, 3});
    CHECK(ends.agent->receive(time_limit).value()["kind"] == "go");
    CHECK(ends.agent->receive(time_limit).value() == nlohmann::json{1, 2, 3});

    std::vector<int> many(500'000);
    std::iota(many.begin(), many.end(), 0);
    auto sending = std::async(std::launch::async, [&] { ends.agent->send(many); });
    CHECK(ends.controller->receive(time_limit).value() == nlohmann::json(many));
    sending.get();

    ends.agent.reset();
    CHECK_THROWS_AS(ends.controller->receive(time_limit), std::runtime_error);
}

TEST_CASE("who does not know the secret gets no channel, on either side") {
    const two_ends ends{secret, "another secret, as long as that one"};
    CHECK_FALSE(ends.agent);
    CHECK_FALSE(ends.controller);
    CHECK(ends.wrong_with_agent == "it does not know the secret, or speaks no TLS");
    CHECK(ends.wrong_with_controller == "it does not know the secret, or speaks no TLS");
}

TEST_CASE("an agent that shows a certificate instead of knowing the secret gets no orders") {
    auto pair = make_socket_pair(0);
    auto impostor = std::async(std::launch::async, [connection = std::move(pair.ours)] {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
        const std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), X509_free};
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
        X509_set_pubkey(certificate.get(), key.get());
        X509_sign(certificate.get(), key.get(), EVP_sha256());
        const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_server_method()),
                                                                        SSL_CTX_free};
        SSL_CTX_use_certificate(context.get(), certificate.get());
        SSL_CTX_use_PrivateKey(context.get(), key.get());
        const std::unique_ptr<SSL, decltype(&SSL_free)> tls{SSL_new(context.get()), SSL_free};
        SSL_set_fd(tls.get(), connection.descriptor());
        std::array<char, 4096> orders;
        std::size_t size = 0;
        return SSL_accept(tls.get()) == 1 && SSL_read_ex(tls.get(), orders.data(), orders.size(), &size) == 1;
    });
    std::string wrong;
    try {
        psk_channel controller{std::move(pair.theirs), side::controller, secret, time_limit};
        controller.send({{"kind", "orders"}});
    } catch (const std::runtime_error& why) {
        wrong = why.what();
    }
    CHECK(wrong == "it does not know the secret, or speaks no TLS");
    CHECK_FALSE(impostor.get());
}

TEST_CASE("a message that is nested too deep is none") {
    two_ends ends{secret, secret};
    nlohmann::json deep = 1;
    for (int depth = 0; depth != 200; ++depth) deep = nlohmann::json::array({deep});
    ends.agent->send(deep);
    CHECK_THROWS_WITH(ends.controller->receive(time_limit), "it sent what is no message");
}

TEST_CASE("a secret is a line of a file that nobody else may read") {
    const temporary_folder folder;
    const auto file = folder.file("secret");
    const auto refusal = [&] {
        try {
            return read_secret(file);
        } catch (const std::invalid_argument& why) {
            return std::string{why.what()};
        }
    };
    CHECK(refusal().find("cannot be read") != std::string::npos);
    std::ofstream{file} << "short\n";
    std::filesystem::permissions(file, std::filesystem::perms{0640});
    CHECK(refusal().find("chmod 600") != std::string::npos);
    std::filesystem::permissions(file, std::filesystem::perms{0600});
    CHECK(refusal().find("less than 16 characters") != std::string::npos);
    std::ofstream{file} << secret << "\nand no more\n";
    CHECK(refusal() == secret);
}

// ---- The program itself. ----

namespace {

/// Agents of a test, and those who give them orders.
class agents_under_test {
public:
    explicit agents_under_test(std::vector<std::string> options = {}) : options_{std::move(options)} {
        std::ofstream{secret_file()} << secret << '\n';
        std::filesystem::permissions(secret_file(), std::filesystem::perms{0600});
        for (auto& each : agents_) each = begin();
    }

    [[nodiscard]] std::string secret_file() const { return folder_.file("secret"); }
    [[nodiscard]] subprocess& agent(std::size_t which) { return *agents_.at(which); }
    [[nodiscard]] std::string names() const { return doors_[0] + ',' + doors_[1]; }

    /// A controller of both.
    [[nodiscard]] std::unique_ptr<subprocess> controller(const address& target, std::vector<std::string> more,
                                                         const std::string& service = "counter") const {
        more.insert(more.begin(), {PARLEY_LOAD, target.to_string(), "--service", service, "--agents", names(),
                                   "--secret-file", secret_file(), "--json", folder_.file("report")});
        return std::make_unique<subprocess>(std::move(more), subprocess::errors::kept);
    }

    [[nodiscard]] nlohmann::json report() const {
        return nlohmann::json::parse(std::ifstream{folder_.file("report")});
    }

private:
    std::unique_ptr<subprocess> begin() {
        std::vector<std::string> words{PARLEY_LOAD, "--agent", own_door(), "--secret-file", secret_file()};
        words.insert(words.end(), options_.begin(), options_.end());
        auto one = std::make_unique<subprocess>(std::move(words), subprocess::errors::kept);
        const auto line = one->read_line(time_limit); // "listening on ADDRESS (agent)"
        const auto from = line.find("on ") + 3;
        doors_.push_back(line.substr(from, line.find(' ', from) - from));
        return one;
    }

    std::vector<std::string> options_; // of each agent
    temporary_folder folder_;
    std::vector<std::string> doors_;
    std::array<std::unique_ptr<subprocess>, 2> agents_;
};

int code_of(subprocess& program) {
    const auto end = program.wait(60s);
    return end ? end->exit_code().value_or(-1) : -1;
}

/// Without errors; that it is not valid may be for a busy machine.
bool is_done(int code) { return code == 0 || code == 3; }

/// Until a line with that comes.
std::string line_with(subprocess& program, std::string_view text) {
    for (;;)
        if (auto line = program.read_line(time_limit); line.find(text) != std::string::npos) return line;
}

} // namespace

TEST_CASE("two agents share the requests and the connections, and no number of a counter comes twice") {
    agents_under_test both;
    server_under_test server{"epoll", "counter"};
    const auto controller = both.controller(server.endpoint(), {"--requests", "1001", "--connections", "5"});
    CHECK(is_done(code_of(*controller)));
    const auto report = both.report();
    CHECK(report["ok"] == true);
    CHECK(report["all_requests"] == 1001);
    CHECK(report["ledger"]["sent"] == 1001);
    CHECK(report["connected"] == 5);
    CHECK(report["served"] == 5);
    CHECK(report["agents"].size() == 2);
    CHECK(report["lost_agents"].empty());
    CHECK(line_with(both.agent(0), "part 1 of 2").find("5 connections") != std::string::npos);
    CHECK(line_with(both.agent(1), "part 2 of 2").find(server.endpoint().to_string()) != std::string::npos);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("numbers that a counter gave to two agents are found") {
    agents_under_test both;
    server_under_test server{"prefork", "counter", {"--counter", "private", "--workers", "2"}};
    // For a time, not a number: so both are connected at once, and neither worker can serve the two.
    const auto controller =
        both.controller(server.endpoint(), {"--duration", "400ms", "--warm-up", "0s", "--connections", "2"});
    CHECK(code_of(*controller) == 1);
    CHECK(both.report()["errors"][0]["cause"] == "lost update");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("an agent's connections come from its own addresses") {
    agents_under_test both{{"--source", "127.0.0.77"}};
    std::mutex lock;
    std::vector<std::string> peers;
    scripted_server server{[&](connection& connection, int) {
        {
            const std::lock_guard held{lock};
            peers.push_back(address::of_peer(connection.descriptor()).to_string());
        }
        echo(connection);
    }};
    const auto controller = both.controller(server.where(), {"--requests", "40", "--connections", "4"}, "echo");
    CHECK(is_done(code_of(*controller)));
    const std::lock_guard held{lock};
    CHECK(peers.size() == 4);
    for (const auto& each : peers) CHECK(each.starts_with("127.0.0.77:"));
}

TEST_CASE("a rate is shared, a series runs, and a controller that ends early gets what there is") {
    agents_under_test both;
    server_under_test server{"epoll", "counter"};
    const auto open =
        both.controller(server.endpoint(), {"--rate", "200", "--duration", "1s", "--connections", "4"});
    CHECK(is_done(code_of(*open)));
    const int due = both.report()["due"]; // 180, and who stands at an end is counted or not
    CHECK(std::abs(due - 180) <= 2);
    const auto series =
        both.controller(server.endpoint(), {"--duration", "200ms", "--connections", "4", "--repeat", "4"});
    CHECK(is_done(code_of(*series)));
    CHECK(both.report()["runs"].size() == 4);
    const auto cut_off = both.controller(server.endpoint(), {"--duration", "60s", "--connections", "4"});
    for (int load = 0; load != 6; ++load) line_with(both.agent(0), "part 1 of 2"); // this is the sixth
    cut_off->signal(SIGINT);
    CHECK(cut_off->wait(60s));
    CHECK(both.report()["ending"] == "interrupted");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("an agent that dies costs its part and the run's validity, no more") {
    agents_under_test both;
    server_under_test server{"epoll", "counter"};
    const auto controller = both.controller(server.endpoint(), {"--duration", "2s", "--connections", "4"});
    line_with(both.agent(1), "part 2 of 2");
    both.agent(1).signal(SIGKILL);
    CHECK(code_of(*controller) == 3);
    const auto report = both.report();
    CHECK(report["verdict"]["reasons"][0]["code"] == "agent-lost");
    CHECK(report["lost_agents"].size() == 1);
    CHECK(report["served"] == 2);
    CHECK(report["all_requests"] > 0);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a controller that dies ends its load, and the agents serve the next one") {
    agents_under_test both;
    server_under_test server{"epoll", "counter"};
    {
        const auto controller = both.controller(server.endpoint(), {"--duration", "60s", "--connections", "4"});
        line_with(both.agent(0), "part 1 of 2");
        line_with(both.agent(1), "part 2 of 2");
        controller->signal(SIGKILL);
    }
    line_with(both.agent(0), ": it has");
    line_with(both.agent(1), ": it has");
    const auto next = both.controller(server.endpoint(), {"--requests", "10", "--connections", "2"});
    CHECK(is_done(code_of(*next)));
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("an agent ends when it is told to, in the midst of a load, too") {
    agents_under_test both;
    server_under_test server{"epoll", "counter"};
    const auto controller = both.controller(server.endpoint(), {"--duration", "60s", "--connections", "4"});
    for (std::size_t each : {0u, 1u}) {
        line_with(both.agent(each), "part ");
        both.agent(each).signal(SIGTERM);
        CHECK(code_of(both.agent(each)) == 0);
    }
    CHECK(controller->wait(60s));
    CHECK(both.report()["ending"] == "interrupted");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("what cannot be is refused in one line") {
    const agents_under_test both;
    const auto said_by = [&](std::vector<std::string> words) {
        words.insert(words.begin(), PARLEY_LOAD);
        subprocess program{std::move(words), subprocess::errors::kept};
        const auto code = code_of(program);
        return fmt::format("{} {}", code, program.error_output());
    };
    CHECK(said_by({"--agent", "127.0.0.1:0"}).starts_with("2 parley-load: --agent and --agents go with"));
    CHECK(
        said_by({"1.2.3.4:5", "--secret-file", both.secret_file()}).starts_with("2 parley-load: --agent and"));
    CHECK(said_by({"1.2.3.4:5", "--agent", own_door(), "--secret-file", both.secret_file()})
              .starts_with("2 parley-load: an --agent is told by its controller"));
    CHECK(said_by({}).starts_with("2 parley-load: address is required"));
    CHECK(said_by({"1.2.3.4:5", "--agents", both.names(), "--secret-file", both.secret_file(), "--source",
                   "127.0.0.1"})
              .starts_with("2 parley-load: --source is of this machine: give it to each --agent"));
    CHECK(said_by({"1.2.3.4:5", "--agents", both.names(), "--secret-file", both.secret_file()})
              .starts_with("2 parley-load: 1 connections cannot be shared by 2 agents"));
    CHECK(said_by({"1.2.3.4:5", "--agents", own_loopback() + ":1", "--secret-file", both.secret_file()})
              .starts_with("1 parley-load: agent " + own_loopback() + ":1: connect"));
}

} // namespace parley
