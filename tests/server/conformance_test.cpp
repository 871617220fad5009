// Every model times every service, through the real server. Models and services come from the server's own
// tables, so a new row is tested by being there; what a service is asked is in one table here.
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

/// What becomes of a line of a mebibyte.
enum class long_line { is_echoed, gets_one_error, is_not_read };

struct example {
    std::string_view service;
    std::string_view request; // gets an answer of one line; empty: it answers before it is asked
    long_line of_a_mebibyte;
};

constexpr example examples[] = {
    {"welcome", "", long_line::is_not_read},        {"echo", "12\n", long_line::is_echoed},
    {"counter", "12\n", long_line::gets_one_error}, {"hello", "12\n", long_line::gets_one_error},
    {"pi", "12\n", long_line::gets_one_error},      {"wait", "12\n", long_line::gets_one_error},
};

const example& example_for(std::string_view service) {
    const auto* found = std::ranges::find(examples, service, &example::service);
    if (found == std::end(examples))
        throw std::runtime_error(fmt::format(
            "service {} has no row in the table `examples` of conformance_test.cpp: say there how to test it",
            service));
    return *found;
}

/// Calls `test(form, service)` for every pair.
template <class Test>
void for_each_pair(Test test) {
    for_each_form([&](const model_variant& how) {
        for (const auto& each : services()) {
            INFO("service ", each.name);
            test(how, each.name);
        }
    });
}

/// May another server listen there?
bool is_free(const address& endpoint) {
    try {
        const listener again{endpoint, {}};
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

/// Sends some of the bytes. True: the server takes no more from this client.
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
    for_each_pair([](const model_variant& how, auto offered) {
        auto server = how.serve(offered);
        CHECK(server.ready_line() == fmt::format("listening on {} (model {}, service {})",
                                                 server.endpoint().to_string(), how.model, offered));
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("two hundred clients at once are all served, and every answer is right") {
    for_each_pair([](const model_variant& how, auto offered) {
        auto server = how.serve(offered);
        CHECK(client_group{offered, server.endpoint()}.add(200).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a request that comes byte by byte is served like any other") {
    for_each_pair([](const model_variant& how, auto offered) {
        auto server = how.serve(offered);
        CHECK(client_group{offered, server.endpoint()}.add(1, 1).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a client may end its output right after its request, and need not end its last line") {
    for_each_pair([](const model_variant& how, auto offered) {
        auto server = how.serve(offered);
        auto connection = connect_to(server.endpoint());
        send_all(connection, example_for(offered).request);
        send_all(connection, "12");
        connection.shutdown_write();
        const auto answers = read_to_end(connection);
        const bool asks_twice = !example_for(offered).request.empty();
        CHECK(std::ranges::count(answers, '\n') + answers.ends_with("12") == (asks_twice ? 2 : 1));
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a line of a mebibyte costs one error, and the next request is served") {
    for_each_pair([](const model_variant& how, auto offered) {
        auto server = how.serve(offered);
        auto connection = connect_to(server.endpoint());
        std::string line(1 << 20, 'x');
        line += '\n';
        switch (example_for(offered).of_a_mebibyte) {
        case long_line::is_echoed: {
            auto options = small_requests(1);
            options.size = line.size();
            CHECK(client_group{offered, server.endpoint(), options}.add(std::move(connection)).converse() ==
                  "");
            break;
        }
        case long_line::gets_one_error:
            send_all(connection, line);
            CHECK(read_line(connection) == "error: a line may have 65536 bytes\n");
            CHECK(client_group{offered, server.endpoint()}.add(std::move(connection)).converse() == "");
            break;
        case long_line::is_not_read:
            send_all(connection, line);
            CHECK(client_group{offered, server.endpoint()}.add(std::move(connection)).converse() == "");
            break;
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("clients that break off leave the server serving") {
    for_each_pair([](const model_variant& how, auto offered) {
        auto server = how.serve(offered);
        for (int time = 0; time != 10; ++time) {
            { const auto says_nothing = connect_to(server.endpoint()); }
            reset(connect_to(server.endpoint()));
            auto in_mid_request = connect_to(server.endpoint());
            send_all(in_mid_request, "1");
            reset(std::move(in_mid_request));
            client_group before_the_answer{offered, server.endpoint()};
            before_the_answer.add(1).ask(1);
            reset(connection{before_the_answer.clients()[0]->get_connection().release()});
        }
        CHECK(client_group{offered, server.endpoint()}.add(3).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a stop lets replies in flight finish, and gives idle clients the end") {
    for_each_pair([](const model_variant& how, auto offered) {
        // With one client at a time, or a queue of clients for each process, one may have to wait for another.
        const bool one_at_a_time = how.model == "iterative" || how.name == "prefork --accept reuseport";
        auto server = how.serve(offered, {"--workers", "8"});
        const auto request = example_for(offered).request;
        std::vector<connection> idle;
        while (!one_at_a_time && idle.size() != 2) {
            idle.push_back(connect_to(server.endpoint()));
            send_all(idle.back(), request);
            CHECK(!read_line(idle.back()).empty());
        }
        auto options = small_requests(2);
        options.wait = 200ms; // so that the answer is not there yet when the stop comes
        options.digits = 2000;
        client_group in_flight{offered, server.endpoint(), options};
        in_flight.add(one_at_a_time ? 1 : 4);
        if (request.empty()) {
            for (const auto& each : in_flight.clients()) wait_for(each->get_connection(), POLLIN);
        } else {
            in_flight.ask(2);
        }
        server.process().signal(SIGTERM);
        CHECK(in_flight.converse() == "");
        for (auto& each : idle) CHECK(read_to_end(each) == "");
        CHECK(server.problems_after_exit() == "");
    });
}

TEST_CASE("at a stop the port closes at once, also while replies are in flight") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("wait", {"--grace", "1h", "--max-wait", "1h"});
        auto connection = connect_to(server.endpoint());
        send_all(connection, "0\n3600000\n");
        CHECK(read_line(connection) == "waited 0 ms\n");
        server.process().signal(SIGTERM);
        CHECK(in_time([&] { return is_free(server.endpoint()); }));
        pollfd reply{.fd = connection.descriptor(), .events = POLLIN, .revents = 0};
        CHECK(poll(&reply, 1, 0) == 0);
        server.process().signal(SIGTERM);
        CHECK(server.wait(time_limit).end.exit_code() == 128 + SIGTERM);
    });
}

TEST_CASE("a stop does not wait for the grace while there are only silent clients") {
    for_each_form([](const model_variant& how) {
        auto server =
            how.serve("echo", {"--grace", "1h", "--workers", "2", "--threads", "1", "--max-connections", "2"});
        std::vector<connection> silent;
        for (int i = 0; i != 8; ++i) silent.push_back(connect_to(server.endpoint()));
        send_all(silent.front(), "x");
        CHECK(read_next(silent.front()) == "x");
        server.process().signal(SIGTERM);
        CHECK(server.problems_after_exit() == "");
    });
}

TEST_CASE("a stop does not cost a slow reader a byte") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("echo");
        auto connection = connect_to(server.endpoint());
        const std::string part(100'000, 'x');
        std::size_t sent = 0;
        do {
            while (const auto count = connection.write_some(part)) sent += count;
            pollfd room{.fd = connection.descriptor(), .events = POLLOUT, .revents = 0};
            if (poll(&room, 1, 50) == 0) break; // the server is stuck with what we do not read
        } while (sent < 100'000'000);
        server.process().signal(SIGTERM);
        CHECK(read_to_end(connection).size() == sent);
        CHECK(server.problems_after_exit() == "");
    });
}

TEST_CASE("what does not finish within the grace is cut off") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("wait", {"--grace", "100ms"});
        auto connection = connect_to(server.endpoint());
        send_all(connection, "0\n50000\n");
        CHECK(read_line(connection) == "waited 0 ms\n");
        server.process().signal(SIGTERM);
        CHECK(server.problems_after_exit() == "");
        CHECK(read_to_end(connection).empty());
    });
}

TEST_CASE("work that was asked for at once is cut off when the grace is over") {
    for_each_form([](const model_variant& how) {
        constexpr int asked = 3000;
        auto server = how.serve("pi", {"--grace", "10ms"});
        auto connection = connect_to(server.endpoint());
        std::string requests;
        for (int i = 0; i != asked; ++i) requests += "1000\n";
        send_all(connection, requests);
        CHECK(read_line(connection).starts_with("3.14159"));
        server.process().signal(SIGTERM);
        CHECK(server.problems_after_exit() == "");
        std::string answers;
        try {
            for (auto bytes = read_next(connection); !bytes.empty(); bytes = read_next(connection))
                answers += bytes;
        } catch (const std::system_error&) { // what it has not read resets the connection
        }
        CHECK(std::ranges::count(answers, '\n') < asked - 1);
    });
}

TEST_CASE("a client that hangs up while it is waited for gives its place back") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve(
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
    prctl(PR_SET_CHILD_SUBREAPER, 1); // what it leaves behind becomes ours to wait for
    for_each_form([](const model_variant& how) {
        for (const int number : {SIGTERM, SIGINT}) {
            auto server = how.serve("wait");
            auto connection = connect_to(server.endpoint());
            send_all(connection, "0\n50000\n");
            CHECK(read_line(connection) == "waited 0 ms\n");
            server.process().signal(number);
            server.process().signal(SIGTERM); // two of one kind could become one (signal(7))
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
    for_each_form([](const model_variant& how) {
        auto server = how.serve("echo");
        auto connection = connect_to(server.endpoint());
        send_all(connection, "x");
        CHECK(read_next(connection) == "x");
        server.process().signal(SIGKILL);
        CHECK(server.wait(time_limit).end.to_string() == "killed by SIGKILL");
        while (waitpid(-server.process().pid(), nullptr, 0) > 0) {
        }
        CHECK(read_to_end(connection).empty());
        CHECK(in_time([&] { return is_free(server.endpoint()); })); // the kernel ends a ring in its own time
    });
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("nothing is kept of clients that have gone") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("echo");
        const auto pid = server.process().pid();
        CHECK(client_group{"echo", server.endpoint()}.add(1).converse() == "");
        const auto few = open_descriptors(pid) + 10; // it may still have been opening some of its own
        CHECK(client_group{"echo", server.endpoint()}.add(50).converse() == "");
        CHECK(in_time([&] { return open_descriptors(pid) < few; }));
        CHECK(in_time([&] { return zombies_in_group(pid) == 0; }));
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("clients that are silent, or send but never read, are let go") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("echo", {"--idle-timeout", "50ms"});
        auto silent = connect_to(server.endpoint());
        CHECK(read_to_end(silent).empty());
        auto unreading = connect_to(server.endpoint());
        const std::string part(100'000, 'x');
        CHECK(in_time([&] { return is_refused(unreading, part); }));
        CHECK(client_group{"echo", server.endpoint()}.add(1).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a client that goes on asking outlives the idle time-out, and a silent one next to it does not") {
    using std::chrono::steady_clock;
    constexpr auto idle_timeout = 250ms;
    for_each_form([&](const model_variant& how) {
        // With one client at a time, or a queue of clients for each process, the silent one may have to wait.
        const bool one_at_a_time = how.model == "iterative" || how.name == "prefork --accept reuseport";
        auto server = how.serve("hello", {"--workers", "8", "--idle-timeout", "250ms"});
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
                    const auto now = steady_clock::now();
                    is_clear &= now - last < idle_timeout / 2; // else this process had no processor
                    last = now;
                }
            } catch (const std::exception& lost) {
                INFO(std::string{lost.what()});
                is_clear &= steady_clock::now() - last < idle_timeout / 2;
                REQUIRE(!is_clear);
            }
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("a client that drips a request byte by byte, but never ends it, is let go") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("hello", {"--idle-timeout", "50ms"});
        auto dripping = connect_to(server.endpoint());
        CHECK(in_time([&] { return is_refused(dripping, "x"); }));
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("more clients than there may be at a time are served in turn") {
    for_each_pair([](const model_variant& how, auto offered) {
        auto server = how.serve(offered, {"--max-connections", "2", "--workers", "2"});
        CHECK(client_group{offered, server.endpoint()}.add(20).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("every transport carries every model, and several at once") {
    for_each_form([](const model_variant& how) {
        const temporary_folder folder;
        const auto file = folder.file("socket");
        std::vector<std::string> more{"--listen", "unix:" + file};
        more.insert(more.end(), {"--listen", fmt::format("unix:@{} {}", how.name, getpid())});
        if (has_ipv6()) more.insert(more.end(), {"--listen", "[::1]:0"});
        auto server = how.serve("hello", more);
        std::vector<address> endpoints{server.endpoint()};
        for (auto left = more.size() / 2; left != 0; --left)
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

TEST_CASE("without a descriptor left, clients wait at the door, and are served when there is one") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("hello", {"--workers", "1"}, "error");
        CHECK(client_group{"hello", server.endpoint()}.add(1).converse() ==
              "");                                        // so the worker has all that it needs
        const rlimit few{.rlim_cur = 40, .rlim_max = 40}; // enough for itself, not for all clients
        for (const auto& each : processes_in_group(server.process().pid()))
            CHECK((prlimit(each.process, RLIMIT_NOFILE, &few, nullptr) == 0 ||
                   errno == ESRCH)); // or it has ended
        CHECK(client_group{"hello", server.endpoint()}.add(100).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("at its end a server has counted every connection, request and byte") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("hello");
        CHECK(client_group{"hello", server.endpoint()}.add(20).converse() == "");
        const auto output = server.stop().output;
        std::smatch found;
        REQUIRE(std::regex_search(output, found, std::regex{"\n *all +(\\d+) +(\\d+) +(\\d+) +(\\d+)"}));
        CHECK(found[1] == "20");
        CHECK(found[2] == "60");
        CHECK(found[3] == std::to_string(60 * 21));
        CHECK(std::regex_search(
            output, std::regex{"\nprocessor time of itself: user \\S+ s, system \\S+ s; of its children"}));
    });
}

} // namespace parley
