// Tests of distributed load: the messages between a controller and its agents, the authentication of both,
// and what happens to the load if one of them dies.
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

/// OpenSSL writes to sockets that the peer may have closed.
[[maybe_unused]] const auto ignored = std::signal(SIGPIPE, SIG_IGN);

using side = psk_channel::side;

/// Both ends of a channel, each with its secret, or the error of each.
struct channel_ends {
    std::unique_ptr<psk_channel> agent, controller;
    std::string agent_error, controller_error;

    channel_ends(const std::string& secret, const std::string& controller_secret) {
        auto pair = make_socket_pair(0);
        auto agent_handshake =
            std::async(std::launch::async, [&, connection = std::move(pair.local)]() mutable {
                make(agent, std::move(connection), side::agent, secret, agent_error);
            });
        make(controller, std::move(pair.remote), side::controller, controller_secret, controller_error);
    }

private:
    static void make(std::unique_ptr<psk_channel>& channel, connection connection, side which_side,
                     const std::string& secret, std::string& error_text) {
        try {
            channel = std::make_unique<psk_channel>(std::move(connection), which_side, secret, time_limit);
        } catch (const std::runtime_error& error) {
            error_text = error.what();
        }
    }
};

constexpr const char* secret = "a secret of the tests, long enough";

} // namespace

TEST_CASE("a histogram comes through as numbers as it was") {
    histogram times;
    for (int i = 0; i != 1000; ++i) times.record(std::chrono::microseconds{i * i});
    times.record(2min);
    const auto copy = histogram::unpacked(times.packed());
    CHECK(std::equal(copy.counts().begin(), copy.counts().end(), times.counts().begin()));
    CHECK(copy.count() == 1001);
    CHECK(copy.over_maximum() == 1);
    CHECK(copy.mean() == times.mean());
    CHECK(copy.min() == 0ns);
    CHECK(copy.max() == histogram::maximum);
    CHECK(histogram::unpacked(histogram{}.packed()).min() == 0ns);

    const std::vector<std::vector<std::uint64_t>> no_histograms{
        {}, {1, 2, 3}, {1, 2, 3, 0, 5}, {1, 2, 3, 0, 1u << 30, 1}, {1, ~0ull, 3, 0}};
    for (const auto& nonsense : no_histograms) {
        CAPTURE(nonsense.size());
        CHECK_THROWS_AS(histogram::unpacked(nonsense), std::invalid_argument);
    }
}

TEST_CASE("a set of numbers comes through as it was") {
    seen_numbers seen, other;
    for (std::uint64_t number : {1ull, 63ull, 64ull, 65'535ull, 65'536ull, 1'000'000'007ull})
        seen.insert(number);
    const auto copy = seen_numbers::unpacked(seen.packed());
    for (std::uint64_t number : {64ull, 65'536ull, 2ull}) other.insert(number);
    CHECK(other.add(copy) == 2);
    CHECK(copy.forgotten() == 0);
    CHECK_THROWS_AS(seen_numbers::unpacked({}), std::invalid_argument);
    CHECK_THROWS_AS(seen_numbers::unpacked(std::vector<std::uint64_t>(7)), std::invalid_argument);
}

TEST_CASE("what is to be loaded comes through as it was") {
    load_options options;
    options.target = "[::1]:7";
    options.service = "raw";
    options.requests.send = std::string{"\0\xff\r\n", 4};
    options.requests.expect = "/ok/";
    options.requests.how = framing::u16;
    options.requests.per_connection = 3;
    options.connections = 7;
    options.total = 100;
    options.rate = 0.5;
    options.arriving = parse_arrivals("burst:4");
    options.stages = {parse_stage("2s@5..50c")};
    options.think = 3ms;
    options.tls = tls_options{"name", "file", false};
    options.interval = 20ms;
    options.agent = 1;
    options.agents = 3;
    const auto message = message_of(options);
    const auto copy = options_in(message);
    CHECK(message_of(copy) == message);
    CHECK(copy.requests.send == options.requests.send);
    CHECK(copy.stages[0].to == 50);
    CHECK(copy.tls->authorities == "file");
    CHECK_FALSE(copy.duration);
    CHECK(copy.rate == 0.5);
    CHECK_THROWS_AS(options_in({{"target", 5}}), nlohmann::json::exception);
}

TEST_CASE("what became of a load comes through as it was") {
    load_result result;
    result.stats.all_asked = 9;
    result.stats.errors.add({phase::connect, "connect", "ECONNREFUSED", "connect: refused"}, 4);
    result.stats.numbers.insert(5);
    result.stats.latency.record(3ms);
    result.throughput = {{1s, 5, 0.25}};
    result.shares = {1, 2};
    result.counted = 5s;
    result.end = ending::requests_done;
    result.network.sent_again = 2;
    const auto message = message_of(result);
    const auto copy = result_in(message);
    CHECK(message_of(copy) == message);
    CHECK(copy.stats.errors.count(phase::connect, "ECONNREFUSED") == 4);
    CHECK(copy.stats.latency.max() == 3ms);
    CHECK(copy.end == ending::requests_done);
}

TEST_CASE("messages go both ways, small and large, and a part of one is none") {
    channel_ends ends{secret, secret};
    REQUIRE(ends.agent_error == "");
    REQUIRE(ends.controller_error == "");
    CHECK_FALSE(ends.agent->receive(0ms));
    ends.controller->send({{"kind", "go"}});
    ends.controller->send({1, 2, 3});
    CHECK(ends.agent->receive(time_limit).value()["kind"] == "go");
    CHECK(ends.agent->receive(time_limit).value() == nlohmann::json{1, 2, 3});

    std::vector<int> numbers(500'000);
    std::iota(numbers.begin(), numbers.end(), 0);
    auto sending = std::async(std::launch::async, [&] { ends.agent->send(numbers); });
    CHECK(ends.controller->receive(time_limit).value() == nlohmann::json(numbers));
    sending.get();

    ends.agent.reset();
    CHECK_THROWS_AS(ends.controller->receive(time_limit), std::runtime_error);
}

TEST_CASE("who does not know the secret gets no channel, on either side") {
    const channel_ends ends{secret, "another secret, as long as that one"};
    CHECK_FALSE(ends.agent);
    CHECK_FALSE(ends.controller);
    CHECK(ends.agent_error == "the peer does not know the secret, or does not use TLS");
    CHECK(ends.controller_error == "the peer does not know the secret, or does not use TLS");
}

TEST_CASE("an agent that shows a certificate instead of knowing the secret gets no orders") {
    auto pair = make_socket_pair(0);
    auto impostor = std::async(std::launch::async, [connection = std::move(pair.local)] {
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
        psk_channel controller{std::move(pair.remote), side::controller, secret, time_limit};
        controller.send({{"kind", "orders"}});
    } catch (const std::runtime_error& error) {
        wrong = error.what();
    }
    CHECK(wrong == "the peer does not know the secret, or does not use TLS");
    CHECK_FALSE(impostor.get());
}

TEST_CASE("a message that is nested too deep is none") {
    channel_ends ends{secret, secret};
    nlohmann::json deep = 1;
    for (int depth = 0; depth != 200; ++depth) deep = nlohmann::json::array({deep});
    ends.agent->send(deep);
    CHECK_THROWS_WITH(ends.controller->receive(time_limit), "the peer sent an invalid message");
}

TEST_CASE("a secret is a line of a file that nobody else may read") {
    const temporary_folder folder;
    const auto file = folder.file("secret");
    const auto refusal = [&] {
        try {
            return read_secret(file);
        } catch (const std::invalid_argument& error) {
            return std::string{error.what()};
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

// The program parley-load.

namespace {

/// Two agents, and the controllers that a test starts for them.
class agents_under_test {
public:
    explicit agents_under_test(std::vector<std::string> options = {}) : options_{std::move(options)} {
        std::ofstream{secret_file()} << secret << '\n';
        std::filesystem::permissions(secret_file(), std::filesystem::perms{0600});
        for (auto& agent : agents_) agent = start_agent();
    }

    [[nodiscard]] std::string secret_file() const { return folder_.file("secret"); }
    [[nodiscard]] subprocess& agent(std::size_t which) { return *agents_.at(which); }
    [[nodiscard]] std::string names() const { return endpoints_[0] + ',' + endpoints_[1]; }

    /// Starts a controller of both agents.
    [[nodiscard]] std::unique_ptr<subprocess> controller(const address& target,
                                                         std::vector<std::string> options,
                                                         const std::string& service = "counter") const {
        options.insert(options.begin(),
                       {PARLEY_LOAD, target.to_string(), "--service", service, "--agents", names(),
                        "--secret-file", secret_file(), "--json", folder_.file("report")});
        return std::make_unique<subprocess>(std::move(options), subprocess::errors::kept);
    }

    [[nodiscard]] nlohmann::json report() const {
        return nlohmann::json::parse(std::ifstream{folder_.file("report")});
    }

private:
    std::unique_ptr<subprocess> start_agent() {
        std::vector<std::string> arguments{PARLEY_LOAD, "--agent", own_endpoint(), "--secret-file",
                                           secret_file()};
        arguments.insert(arguments.end(), options_.begin(), options_.end());
        auto agent = std::make_unique<subprocess>(std::move(arguments), subprocess::errors::kept);
        const auto line = agent->read_line(time_limit); // "listening on ADDRESS (agent)"
        const auto from = line.find("on ") + 3;
        endpoints_.push_back(line.substr(from, line.find(' ', from) - from));
        return agent;
    }

    std::vector<std::string> options_; // of each agent
    temporary_folder folder_;
    std::vector<std::string> endpoints_;
    std::array<std::unique_ptr<subprocess>, 2> agents_;
};

int exit_code_of(subprocess& program) {
    const auto end = program.wait(60s);
    return end ? end->exit_code().value_or(-1) : -1;
}

/// True if the run had no errors. On a busy machine it may still be invalid (exit status 3).
bool has_succeeded(int code) { return code == 0 || code == 3; }

/// Reads lines until one contains `text`, and returns it.
std::string line_with(subprocess& program, std::string_view text) {
    for (;;)
        if (auto line = program.read_line(time_limit); line.find(text) != std::string::npos) return line;
}

} // namespace

TEST_CASE("two agents share the requests and the connections, and no number of a counter comes twice") {
    agents_under_test agents;
    server_under_test server{"epoll", "counter"};
    const auto controller = agents.controller(server.endpoint(), {"--requests", "1001", "--connections", "5"});
    CHECK(has_succeeded(exit_code_of(*controller)));
    const auto report = agents.report();
    CHECK(report["ok"] == true);
    CHECK(report["all_requests"] == 1001);
    CHECK(report["ledger"]["sent"] == 1001);
    CHECK(report["connected"] == 5);
    CHECK(report["served"] == 5);
    CHECK(report["agents"].size() == 2);
    CHECK(report["lost_agents"].empty());
    CHECK(line_with(agents.agent(0), "part 1 of 2").find("5 connections") != std::string::npos);
    CHECK(line_with(agents.agent(1), "part 2 of 2").find(server.endpoint().to_string()) != std::string::npos);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("numbers that a counter gave to two agents are found") {
    agents_under_test agents;
    server_under_test server{"prefork", "counter", {"--counter", "private", "--workers", "2"}};
    // A duration instead of a number of requests: both agents are connected at once, so no worker serves
    // both.
    const auto controller =
        agents.controller(server.endpoint(), {"--duration", "400ms", "--warm-up", "0s", "--connections", "2"});
    CHECK(exit_code_of(*controller) == 1);
    CHECK(agents.report()["errors"][0]["cause"] == "lost update");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("an agent's connections come from its own addresses") {
    agents_under_test agents{{"--source", "127.0.0.77"}};
    std::mutex lock;
    std::vector<std::string> peers;
    scripted_server server{[&](connection& connection, int) {
        {
            const std::lock_guard guard{lock};
            peers.push_back(address::of_peer(connection.descriptor()).to_string());
        }
        echo(connection);
    }};
    const auto controller =
        agents.controller(server.endpoint(), {"--requests", "40", "--connections", "4"}, "echo");
    CHECK(has_succeeded(exit_code_of(*controller)));
    const std::lock_guard guard{lock};
    CHECK(peers.size() == 4);
    for (const auto& peer : peers) CHECK(peer.starts_with("127.0.0.77:"));
}

TEST_CASE("a rate is shared, a series runs, and a controller that ends early gets what there is") {
    agents_under_test agents;
    server_under_test server{"epoll", "counter"};
    const auto open =
        agents.controller(server.endpoint(), {"--rate", "200", "--duration", "1s", "--connections", "4"});
    CHECK(has_succeeded(exit_code_of(*open)));
    const int due = agents.report()["due"]; // 180; a request that is due at a boundary may or may not count
    CHECK(std::abs(due - 180) <= 2);
    const auto series =
        agents.controller(server.endpoint(), {"--duration", "200ms", "--connections", "4", "--repeat", "4"});
    CHECK(has_succeeded(exit_code_of(*series)));
    CHECK(agents.report()["runs"].size() == 4);
    const auto cut_off = agents.controller(server.endpoint(), {"--duration", "60s", "--connections", "4"});
    for (int load = 0; load != 6; ++load)
        line_with(agents.agent(0), "part 1 of 2"); // six loads so far, the interrupted one included
    cut_off->signal(SIGINT);
    CHECK(cut_off->wait(60s));
    CHECK(agents.report()["ending"] == "interrupted");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("an agent that dies costs its part and the run's validity, no more") {
    agents_under_test agents;
    server_under_test server{"epoll", "counter"};
    const auto controller = agents.controller(server.endpoint(), {"--duration", "2s", "--connections", "4"});
    line_with(agents.agent(1), "part 2 of 2");
    agents.agent(1).signal(SIGKILL);
    CHECK(exit_code_of(*controller) == 3);
    const auto report = agents.report();
    CHECK(report["verdict"]["reasons"][0]["code"] == "agent-lost");
    CHECK(report["lost_agents"].size() == 1);
    CHECK(report["served"] == 2);
    CHECK(report["all_requests"] > 0);
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("a controller that dies ends its load, and the agents serve the next one") {
    agents_under_test agents;
    server_under_test server{"epoll", "counter"};
    {
        const auto controller =
            agents.controller(server.endpoint(), {"--duration", "60s", "--connections", "4"});
        line_with(agents.agent(0), "part 1 of 2");
        line_with(agents.agent(1), "part 2 of 2");
        controller->signal(SIGKILL);
    }
    line_with(agents.agent(0), ": connection ");
    line_with(agents.agent(1), ": connection ");
    const auto next = agents.controller(server.endpoint(), {"--requests", "10", "--connections", "2"});
    CHECK(has_succeeded(exit_code_of(*next)));
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("an agent ends when it is told to, in the midst of a load, too") {
    agents_under_test agents;
    server_under_test server{"epoll", "counter"};
    const auto controller = agents.controller(server.endpoint(), {"--duration", "60s", "--connections", "4"});
    for (std::size_t i : {0u, 1u}) {
        line_with(agents.agent(i), "part ");
        agents.agent(i).signal(SIGTERM);
        CHECK(exit_code_of(agents.agent(i)) == 0);
    }
    CHECK(controller->wait(60s));
    CHECK(agents.report()["ending"] == "interrupted");
    CHECK(server.shutdown_problems() == "");
}

TEST_CASE("what cannot be is refused in one line") {
    const agents_under_test agents;
    const auto result_of = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), PARLEY_LOAD);
        subprocess program{std::move(arguments), subprocess::errors::kept};
        const auto code = exit_code_of(program);
        return fmt::format("{} {}", code, program.error_output());
    };
    CHECK(result_of({"--agent", "127.0.0.1:0"})
              .starts_with("2 parley-load: --agent and --agents need a --secret-file"));
    CHECK(result_of({"1.2.3.4:5", "--secret-file", agents.secret_file()})
              .starts_with("2 parley-load: --agent and"));
    CHECK(result_of({"1.2.3.4:5", "--agent", own_endpoint(), "--secret-file", agents.secret_file()})
              .starts_with("2 parley-load: the controller of an --agent gives the address"));
    CHECK(result_of({}).starts_with("2 parley-load: address is required"));
    CHECK(result_of({"1.2.3.4:5", "--agents", agents.names(), "--secret-file", agents.secret_file(), "--source",
                     "127.0.0.1"})
              .starts_with(
                  "2 parley-load: --source is for the connections of this machine: give it to each --agent"));
    CHECK(result_of({"1.2.3.4:5", "--agents", agents.names(), "--secret-file", agents.secret_file()})
              .starts_with("2 parley-load: 1 connections cannot be shared by 2 agents"));
    CHECK(result_of({"1.2.3.4:5", "--agents", own_loopback() + ":1", "--secret-file", agents.secret_file()})
              .starts_with("1 parley-load: agent " + own_loopback() + ":1: connect"));
}

} // namespace parley
