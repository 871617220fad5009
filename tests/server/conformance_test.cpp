// Runs every service under every model, through the real server. Both come from the server's own tables, so a
// new row there is tested. The table `examples` below says what to send to each service.
#include "server/model.hpp"
#include "server/service.hpp"
#include "tests/support/client_group.hpp"
#include "tests/support/model_variants.hpp"
#include "tests/support/proc.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_client.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <optional>
#include <regex>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// What a service does with a line of one mebibyte.
enum class long_line { is_echoed, gets_one_error, is_not_read };

struct example {
    std::string_view service;
    std::string_view request; // gets a reply of one line; empty: the service speaks first
    long_line of_a_mebibyte;
};

constexpr example examples[] = {
    {"welcome", "", long_line::is_not_read},        {"echo", "12\n", long_line::is_echoed},
    {"counter", "12\n", long_line::gets_one_error}, {"hello", "12\n", long_line::gets_one_error},
    {"pi", "12\n", long_line::gets_one_error},      {"wait", "12\n", long_line::gets_one_error},
};

const example& example_for(std::string_view service) {
    const auto* row = std::ranges::find(examples, service, &example::service);
    if (row == std::end(examples))
        throw std::runtime_error(fmt::format(
            "service {} has no row in the table `examples` of conformance_test.cpp: say there how to test it",
            service));
    return *row;
}

/// Calls `test(variant, service_name)` for every pair.
template <class Test>
void for_each_pair(Test test) {
    for_each_variant([&](const model_variant& variant) {
        for (const auto& service : services()) {
            INFO("service ", service.name);
            test(variant, service.name);
        }
    });
}

/// True if another server may listen at `endpoint`.
bool is_free(const address& endpoint) {
    try {
        const listener new_listener{endpoint, {}};
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

/// Sends some of the bytes. Returns true if the server has closed the connection.
bool is_refused(connection& connection, std::string_view bytes) {
    try {
        (void)connection.write_some(bytes);
        return false;
    } catch (const std::system_error&) {
        return true;
    }
}

} // namespace

TEST_CASE("a server says where it listens, what it is, and leaves at once when it is told to") {
    for_each_pair([](const model_variant& variant, auto service_name) {
        auto server = variant.serve(service_name);
        CHECK(server.ready_line() == fmt::format("listening on {} (model {}, service {})",
                                                 server.endpoint().to_string(), variant.model, service_name));
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("two hundred clients at once are all served, and every reply is right") {
    for_each_pair([](const model_variant& variant, auto service_name) {
        auto server = variant.serve(service_name);
        CHECK(client_group{service_name, server.endpoint()}.add(200).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a request that comes byte by byte is served like any other") {
    for_each_pair([](const model_variant& variant, auto service_name) {
        auto server = variant.serve(service_name);
        CHECK(client_group{service_name, server.endpoint()}.add(1, 1).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a client may end its output right after its request, and need not end its last line") {
    for_each_pair([](const model_variant& variant, auto service_name) {
        auto server = variant.serve(service_name);
        auto connection = connect_to(server.endpoint());
        send_all(connection, example_for(service_name).request);
        send_all(connection, "12");
        connection.shutdown_write();
        const auto answers = read_to_end(connection);
        const bool asks_twice = !example_for(service_name).request.empty();
        CHECK(std::ranges::count(answers, '\n') + answers.ends_with("12") == (asks_twice ? 2 : 1));
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a line of a mebibyte costs one error, and the next request is served") {
    for_each_pair([](const model_variant& variant, auto service_name) {
        auto server = variant.serve(service_name);
        auto connection = connect_to(server.endpoint());
        std::string line(1 << 20, 'x');
        line += '\n';
        switch (example_for(service_name).of_a_mebibyte) {
        case long_line::is_echoed: {
            auto options = small_requests(1);
            options.size = line.size();
            CHECK(
                client_group{service_name, server.endpoint(), options}.add(std::move(connection)).converse() ==
                "");
            break;
        }
        case long_line::gets_one_error:
            send_all(connection, line);
            CHECK(read_line(connection) == "error: a line may have 65536 bytes\n");
            CHECK(client_group{service_name, server.endpoint()}.add(std::move(connection)).converse() == "");
            break;
        case long_line::is_not_read:
            send_all(connection, line);
            CHECK(client_group{service_name, server.endpoint()}.add(std::move(connection)).converse() == "");
            break;
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("clients that break off leave the server serving") {
    for_each_pair([](const model_variant& variant, auto service_name) {
        auto server = variant.serve(service_name);
        for (int round = 0; round != 10; ++round) {
            { const auto silent = connect_to(server.endpoint()); }
            reset(connect_to(server.endpoint()));
            auto in_mid_request = connect_to(server.endpoint());
            send_all(in_mid_request, "1");
            reset(std::move(in_mid_request));
            client_group unanswered{service_name, server.endpoint()};
            unanswered.add(1).run_until_sent(1);
            reset(connection{unanswered.clients()[0]->get_connection().release()});
        }
        CHECK(client_group{service_name, server.endpoint()}.add(3).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a stop lets replies in flight finish, and gives idle clients the end") {
    for_each_pair([](const model_variant& variant, auto service_name) {
        // Only one client is served at a time, or each process has its own queue: clients may have to wait.
        const bool one_at_a_time = variant.model == "iterative" || variant.name == "prefork --accept reuseport";
        auto server = variant.serve(service_name, {"--workers", "8"});
        const auto request = example_for(service_name).request;
        std::vector<connection> idle;
        while (!one_at_a_time && idle.size() != 2) {
            idle.push_back(connect_to(server.endpoint()));
            send_all(idle.back(), request);
            CHECK(!read_line(idle.back()).empty());
        }
        auto options = small_requests(2);
        options.wait = 200ms; // so that the reply is still in flight when the shutdown begins
        options.digits = 2000;
        client_group in_flight{service_name, server.endpoint(), options};
        in_flight.add(one_at_a_time ? 1 : 4);
        if (request.empty()) {
            for (const auto& client : in_flight.clients()) wait_for(client->get_connection(), POLLIN);
        } else {
            in_flight.run_until_sent(2);
        }
        server.process().signal(SIGTERM);
        CHECK(in_flight.converse() == "");
        for (auto& connection : idle) CHECK(read_to_end(connection) == "");
        CHECK(server.problems_after_exit() == "");
    });
}

TEST_CASE("at a stop the port closes at once, also while replies are in flight") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("wait", {"--grace", "1h", "--max-wait", "1h"});
        auto connection = connect_to(server.endpoint());
        send_all(connection, "0\n3600000\n");
        CHECK(read_line(connection) == "waited 0 ms\n");
        server.process().signal(SIGTERM);
        CHECK(eventually([&] { return is_free(server.endpoint()); }));
        pollfd reply{.fd = connection.descriptor(), .events = POLLIN, .revents = 0};
        CHECK(poll(&reply, 1, 0) == 0);
        server.process().signal(SIGTERM);
        CHECK(server.wait(time_limit).end.exit_code() == 128 + SIGTERM);
    });
}

TEST_CASE("a stop does not wait for the grace while there are only silent clients") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve(
            "echo", {"--grace", "1h", "--workers", "2", "--threads", "1", "--max-connections", "2"});
        std::vector<connection> silent;
        for (int i = 0; i != 8; ++i) silent.push_back(connect_to(server.endpoint()));
        send_all(silent.front(), "x");
        CHECK(read_next(silent.front()) == "x");
        server.process().signal(SIGTERM);
        CHECK(server.problems_after_exit() == "");
    });
}

TEST_CASE("a stop does not cost a slow reader a byte") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("echo");
        auto connection = connect_to(server.endpoint());
        const std::string chunk(100'000, 'x');
        std::size_t sent = 0;
        do {
            while (const auto count = connection.write_some(chunk)) sent += count;
            pollfd writable{.fd = connection.descriptor(), .events = POLLOUT, .revents = 0};
            if (poll(&writable, 1, 50) == 0) break; // the server is blocked, because this client does not read
        } while (sent < 100'000'000);
        server.process().signal(SIGTERM);
        CHECK(read_to_end(connection).size() == sent);
        CHECK(server.problems_after_exit() == "");
    });
}

TEST_CASE("what does not finish within the grace is cut off") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("wait", {"--grace", "100ms"});
        auto connection = connect_to(server.endpoint());
        send_all(connection, "0\n50000\n");
        CHECK(read_line(connection) == "waited 0 ms\n");
        server.process().signal(SIGTERM);
        CHECK(server.problems_after_exit() == "");
        CHECK(read_to_end(connection).empty());
    });
}

TEST_CASE("work that was asked for at once is cut off when the grace is over") {
    for_each_variant([](const model_variant& variant) {
        constexpr int requests_sent = 3000;
        auto server = variant.serve("pi", {"--grace", "10ms"});
        auto connection = connect_to(server.endpoint());
        std::string requests;
        for (int i = 0; i != requests_sent; ++i) requests += "1000\n";
        send_all(connection, requests);
        CHECK(read_line(connection).starts_with("3.14159"));
        server.process().signal(SIGTERM);
        CHECK(server.problems_after_exit() == "");
        std::string answers;
        try {
            for (auto bytes = read_next(connection); !bytes.empty(); bytes = read_next(connection))
                answers += bytes;
        } catch (const std::system_error&) { // a server that closes with unread input resets the connection
        }
        CHECK(std::ranges::count(answers, '\n') < requests_sent - 1);
    });
}

TEST_CASE("a client that hangs up while it is waited for gives its place back") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve(
            "wait", {"--max-wait", "1h", "--workers", "1", "--threads", "1", "--max-connections", "1"});
        for (const std::string_view requests : {"0\n3600000\n", "0\n3600000\n3600000\n"}) {
            auto connection = connect_to(server.endpoint());
            send_all(connection, requests);
            CHECK(read_line(connection) == "waited 0 ms\n");
            reset(std::move(connection));
        }
        CHECK(client_group{"wait", server.endpoint()}.add(1).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a second signal ends a server at once, and all that it has started") {
    prctl(PR_SET_CHILD_SUBREAPER, 1); // this process adopts the server's orphans and reaps them
    for_each_variant([](const model_variant& variant) {
        for (const int number : {SIGTERM, SIGINT}) {
            auto server = variant.serve("wait");
            auto connection = connect_to(server.endpoint());
            send_all(connection, "0\n50000\n");
            CHECK(read_line(connection) == "waited 0 ms\n");
            server.process().signal(number);
            // Two pending signals of the same number would become one (signal(7)).
            server.process().signal(SIGTERM);
            server.process().signal(SIGINT);
            const auto code = server.wait(time_limit).end.exit_code();
            CHECK((code == 128 + SIGTERM || code == 128 + SIGINT));
            while (waitpid(-server.process().pid(), nullptr, 0) > 0) {
            }
            CHECK(read_to_end(connection).empty());
        }
    });
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("a server that is killed takes all that it has started along") {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("echo");
        auto connection = connect_to(server.endpoint());
        send_all(connection, "x");
        CHECK(read_next(connection) == "x");
        server.process().signal(SIGKILL);
        CHECK(server.wait(time_limit).end.to_string() == "killed by SIGKILL");
        while (waitpid(-server.process().pid(), nullptr, 0) > 0) {
        }
        CHECK(read_to_end(connection).empty());
        // The kernel frees an io_uring asynchronously.
        CHECK(eventually([&] { return is_free(server.endpoint()); }));
    });
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("nothing is kept of clients that have gone") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("echo");
        const auto pid = server.process().pid();
        CHECK(client_group{"echo", server.endpoint()}.add(1).converse() == "");
        // The server may still have been opening descriptors of its own.
        const auto limit = open_descriptors(pid) + 10;
        CHECK(client_group{"echo", server.endpoint()}.add(50).converse() == "");
        CHECK(eventually([&] { return open_descriptors(pid) < limit; }));
        CHECK(eventually([&] { return zombies_in_group(pid) == 0; }));
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("clients that are silent, or send but never read, are let go") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("echo", {"--idle-timeout", "50ms"});
        auto silent = connect_to(server.endpoint());
        CHECK(read_to_end(silent).empty());
        auto unreading = connect_to(server.endpoint());
        const std::string chunk(100'000, 'x');
        CHECK(eventually([&] { return is_refused(unreading, chunk); }));
        CHECK(client_group{"echo", server.endpoint()}.add(1).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a client that goes on asking outlives the idle time-out, and a silent one next to it does not") {
    using std::chrono::steady_clock;
    constexpr auto idle_timeout = 250ms;
    for_each_variant([&](const model_variant& variant) {
        // Only one client is served at a time, or each process has its own queue: the silent client may have
        // to wait.
        const bool one_at_a_time = variant.model == "iterative" || variant.name == "prefork --accept reuseport";
        auto server = variant.serve("hello", {"--workers", "8", "--idle-timeout", "250ms"});
        for (bool is_clear = false; !is_clear;) {
            is_clear = true;
            auto asking = connect_to(server.endpoint());
            std::optional<connection> silent;
            if (!one_at_a_time) silent = connect_to(server.endpoint());
            auto last = steady_clock::now();
            try {
                for (const auto end = last + 3 * idle_timeout; last < end || silent;) {
                    send_all(asking, "Ada\n");
                    const auto answer = read_line(asking);
                    if (!answer.starts_with("Hello, Ada")) throw std::runtime_error(answer);
                    if (silent && silent->is_readable_within(10ms)) {
                        CHECK(read_to_end(*silent).empty());
                        silent.reset();
                    }
                    if (!silent) poll(nullptr, 0, 10);
                    const auto time = steady_clock::now();
                    // Otherwise this process did not get a CPU in time, and the round is repeated.
                    is_clear &= time - last < idle_timeout / 2;
                    last = time;
                }
            } catch (const std::exception& error) {
                INFO(std::string{error.what()});
                is_clear &= steady_clock::now() - last < idle_timeout / 2;
                REQUIRE(!is_clear);
            }
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a client that drips a request byte by byte, but never ends it, is let go") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("hello", {"--idle-timeout", "50ms"});
        auto dripping = connect_to(server.endpoint());
        CHECK(eventually([&] { return is_refused(dripping, "x"); }));
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("more clients than there may be at a time are served in turn") {
    for_each_pair([](const model_variant& variant, auto service_name) {
        auto server = variant.serve(service_name, {"--max-connections", "2", "--workers", "2"});
        CHECK(client_group{service_name, server.endpoint()}.add(20).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("every transport carries every model, and several at once") {
    for_each_variant([](const model_variant& variant) {
        const temporary_folder folder;
        const auto file = folder.file("socket");
        std::vector<std::string> listen_options{"--listen", "unix:" + file};
        listen_options.insert(listen_options.end(),
                              {"--listen", fmt::format("unix:@{} {}", variant.name, getpid())});
        if (has_ipv6()) listen_options.insert(listen_options.end(), {"--listen", "[::1]:0"});
        auto server = variant.serve("hello", listen_options);
        std::vector<address> endpoints{server.endpoint()};
        for (auto count = listen_options.size() / 2; count != 0; --count)
            endpoints.push_back(ready_address(server.process().read_line(time_limit)));
        CHECK(endpoints[1].path() == file);
        for (const auto& endpoint : endpoints) CHECK(client_group{"hello", endpoint}.add(5).converse() == "");
        client_group mixed{"hello", server.endpoint()};
        for (const auto& endpoint : endpoints)
            for (int i = 0; i != 5; ++i) mixed.add(connect_to(endpoint));
        CHECK(mixed.converse() == "");
        CHECK(server.shutdown_problems() == "");
        CHECK(!std::filesystem::exists(file));
    });
}

TEST_CASE("without a descriptor left, clients wait in the backlog, and are served when there is one") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("hello", {"--workers", "1"}, "error");
        // So the worker has opened all it needs.
        CHECK(client_group{"hello", server.endpoint()}.add(1).converse() == "");
        const rlimit limit{.rlim_cur = 40, .rlim_max = 40}; // enough for the server itself, not for all clients
        for (const auto& process : processes_in_group(server.process().pid()))
            CHECK((prlimit(process.process, RLIMIT_NOFILE, &limit, nullptr) == 0 ||
                   errno == ESRCH)); // or the process has ended
        CHECK(client_group{"hello", server.endpoint()}.add(100).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("at its end a server has counted every connection, request and byte") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("hello");
        CHECK(client_group{"hello", server.endpoint()}.add(20).converse() == "");
        const auto output = server.stop().output;
        std::smatch match;
        REQUIRE(std::regex_search(output, match, std::regex{"\n *all +(\\d+) +(\\d+) +(\\d+) +(\\d+)"}));
        CHECK(match[1] == "20");
        CHECK(match[2] == "60");
        CHECK(match[3] == std::to_string(60 * 21));
        CHECK(std::regex_search(
            output, std::regex{"\nprocessor time of itself: user \\S+ s, system \\S+ s; of its children"}));
    });
}

} // namespace parley
