// Tests of a start with failing system calls, and of failing calls in the models exec and datagram.
#include "tests/faults/faulty_server.hpp"

#include <doctest/doctest.h>
#include <list>

namespace parley {

namespace {

using faults::call;

/// Starts a server of which one call fails. Returns "serves" if it serves and ends well, otherwise its exit
/// status and error output.
std::string start(const fault_injection& injected, std::vector<std::string> command) {
    command.insert(command.begin(), {PARLEY_SERVER, "--listen", "127.0.0.1:0", "--log-level", "off"});
    auto server =
        run_with(injected, [&] { return std::make_unique<subprocess>(command, subprocess::errors::kept); });
    try {
        const auto endpoint = ready_address(server->read_line(time_limit));
        auto connection = connect_to(endpoint);
        send_all(connection, "x");
        if (read_next(connection) != "x") return "serves badly";
    } catch (const std::runtime_error&) { // the server, or its worker, ended before that
    }
    server->signal(SIGTERM); // it may still run if only one of its loops has ended
    injected.clear();
    const auto end = server->wait(time_limit);
    if (!end) return "does not end";
    if (end->exit_code() == 0) return "serves";
    return end->to_string() + ": " + server->error_output();
}

} // namespace

TEST_CASE("a server that cannot start ends with one line that says why, and leaves nothing behind") {
    const struct {
        faults::call call;
        int error;
        std::uint64_t max_count; // calls of this kind at the start, at most
        std::string_view reason;
    } rows[] = {
        {call::mmap, ENOMEM, 4, "Cannot allocate memory"},
        {call::epoll_ctl, ENOSPC, 2, "No space left on device"},
        {call::setsockopt, ENOBUFS, 2, "No buffer space available"},
    };
    for (const auto& model : models()) {
        if (model.datagrams || model.commands || !model.obstacle().empty()) continue;
        for (const auto& row : rows) {
            // Asio ignores errors of epoll_ctl(2) for its own descriptors.
            if (model.name == "coroutine" && row.call == call::epoll_ctl) continue;
            bool reached = true;
            for (std::uint64_t first = 1; reached && first <= row.max_count; ++first) {
                INFO(model.name, ": ", row.reason, " at call ", first);
                fault_injection injected;
                injected.fail(row.call, row.error, first);
                const auto outcome = start(
                    injected, {"--service", "echo", "--workers", "2", "--model", std::string{model.name}});
                reached = injected.failures(row.call) != 0;
                if (outcome == "serves") continue;
                // The server was stopping already, so SIGTERM was its second signal.
                if (outcome.starts_with("exit code 143")) continue;
                INFO(outcome);
                CHECK(outcome.starts_with("exit code 1: parley-server: "));
                CHECK(outcome.find(row.reason) != outcome.npos);
                CHECK(std::ranges::count(outcome, '\n') == 1);
            }
        }
    }
}

TEST_CASE("a command that cannot be started costs its client at the most") {
    const model_variant variant{"exec", "exec", {"--", "cat"}};
    faulty_server faulty{variant, "off", "echo"};
    const struct {
        faults::call call;
        int error;
        std::uint64_t max_count;
    } rows[] = {
        {call::accept4, EMFILE, 1}, {call::fork, EAGAIN, 2},          {call::epoll_ctl, ENOMEM, 2},
        {call::wait, EINTR, 3},     {call::operator_new, ENOMEM, 40},
    };
    const auto run_all_faults = [&] {
        for (const auto& row : rows) {
            for (std::uint64_t first = 1; first <= row.max_count; ++first) {
                INFO("call ", static_cast<std::size_t>(row.call), " number ", first);
                faulty.injected.fail(row.call, row.error, first);
                faulty.serves();
                faulty.injected.clear();
                CHECK(faulty.serves() == "");
            }
        }
    };
    run_all_faults();
    CHECK(eventually([&] { return children_of(faulty.server.process().pid()).empty(); }));
    const auto before = faulty.descriptors();
    run_all_faults();
    CHECK(eventually([&] { return faulty.descriptors() <= before; }));
    CHECK(faulty.server.shutdown_problems() == "");
}

/// Waits until the server has no zombies, and at most `max_count` children.
bool has_no_dead_children(faulty_server& faulty, std::size_t max_count) {
    return eventually([&] {
        const auto children = children_of(faulty.server.process().pid());
        return children.size() <= max_count && std::ranges::count(children, 'Z', &process_state::state) == 0;
    });
}

TEST_CASE("without any process to be had, the dead are reaped, and a waiting client is served as soon as there "
          "is one") {
    const model_variant model_variants[] = {
        {"fork", "fork", {}}, {"exec", "exec", {"--", "sh", "-c", "read -r x; echo \"Hello, $x\""}}};
    for (const auto& variant : model_variants) {
        INFO(variant.name);
        faulty_server faulty{variant, "off"};
        auto first = connect_to(faulty.server.endpoint());
        send_all(first, "A"); // this client has its process
        CHECK(eventually([&] { return children_of(faulty.server.process().pid()).size() == 1; }));
        faulty.injected.fail(call::fork, EAGAIN, 1, fault_injection::forever);
        auto waiting = connect_to(faulty.server.endpoint());
        send_all(waiting, "Ada\n");
        CHECK(eventually([&] { return faulty.injected.failures(call::fork) > 0; }));
        send_all(first, "da\n");
        CHECK(read_line(first).starts_with("Hello, Ada"));
        first.shutdown_write();
        CHECK(read_to_end(first) == "");
        CHECK(has_no_dead_children(faulty, 0)); // although fork still fails
        faulty.injected.clear();
        CHECK(read_line(waiting).starts_with("Hello, Ada"));
        waiting.shutdown_write();
        CHECK(read_to_end(waiting) == "");
        CHECK(faulty.server.shutdown_problems() == "");
    }
}

TEST_CASE("workers that cannot be replaced leave the others serving, and are replaced later") {
    for (const model_variant& variant :
         {model_variant{"prefork", "prefork", {}}, model_variant{"hybrid", "hybrid", {}}}) {
        INFO(variant.name);
        faulty_server faulty{variant, "off"};
        const auto pid = faulty.server.process().pid();
        CHECK(eventually([&] { return children_of(pid).size() == 2; }));
        faulty.injected.fail(call::fork, EAGAIN, 1, fault_injection::forever);
        kill(children_of(pid).front().process, SIGKILL);
        CHECK(eventually([&] { return faulty.injected.failures(call::fork) > 0; }));
        CHECK(has_no_dead_children(faulty, 1));
        CHECK(faulty.serves(1) == "");
        faulty.injected.clear();
        CHECK(eventually([&] { return children_of(pid).size() == 2; }));
        CHECK(faulty.serves(2) == "");
        CHECK(faulty.server.shutdown_problems() == "");
    }
}

TEST_CASE("a datagram that cannot be answered is lost, and no other") {
    fault_injection injected;
    running_server server{run_with(injected, [&] {
        return running_server{PARLEY_SERVER,
                              {"--model", "datagram", "--service", "echo", "--log-level", "off"},
                              subprocess::errors::kept,
                              "udp:127.0.0.1:0"};
    })};
    unique_fd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::connect(socket.get(), server.endpoint().data(), server.endpoint().size()) == 0);
    connection connection{std::move(socket)};
    const auto ask = [&](std::string_view text) { CHECK(connection.write_some(text) == text.size()); };
    ask("first");
    CHECK(read_next(connection) == "first");
    for (const auto call : {call::recv, call::send, call::wait, call::operator_new}) {
        INFO("call ", static_cast<std::size_t>(call));
        injected.fail(call, call == call::wait ? EINTR : ENOBUFS);
        ask("lost, or not");
        CHECK(eventually([&] { return injected.failures(call) == 1; }));
        ask("next");
        std::string answer;
        while (answer != "next") answer = read_next(connection);
    }
    CHECK(server.stop().end.to_string() == "exit code 0");
}

TEST_CASE("a load whose thread cannot start says so, and ends") {
    for (const std::uint64_t thread : {1, 2}) {
        fault_injection injected;
        injected.fail(call::pthread_create, EAGAIN, thread);
        // A thread that did start must not wait for the others. No server is needed for that.
        const std::vector<std::string> command{PARLEY_LOAD, "127.0.0.1:1",   "--threads",
                                               "3",         "--connections", "3"};
        auto load =
            run_with(injected, [&] { return std::make_unique<subprocess>(command, subprocess::errors::kept); });
        const auto end = load->wait(time_limit);
        REQUIRE(end);
        CHECK(end->exit_code() == 1);
        CHECK(load->error_output() ==
              fmt::format("parley-load: cannot start thread {} of 3: Resource temporarily unavailable; reduce "
                          "--threads\n",
                          thread + 1));
    }
}

TEST_CASE("workers that die at once are begun again, ever more slowly, and then the server says why it ends") {
    const struct {
        std::string_view model;
        faults::call call;
        int error;
        std::vector<std::string> options;
    } rows[] = {
        {"prefork", call::accept4, EINVAL, {}},
        {"hybrid", call::accept4, EINVAL, {"--threads", "1"}},
        {"loops", call::epoll_ctl, ENOSPC, {"--in", "processes"}},
    };
    std::list<fault_injection> injected;
    std::list<subprocess> servers; // run at the same time, because their restarts take long
    for (const auto& row : rows) {
        auto& faults = injected.emplace_back();
        faults.fail(row.call, row.error, 1, fault_injection::forever);
        std::vector<std::string> command{
            PARLEY_SERVER, "--listen", "127.0.0.1:0", "--model", std::string{row.model}, "--workers", "2"};
        command.insert(command.end(), row.options.begin(), row.options.end());
        run_with(faults, [&] { return &servers.emplace_back(command, subprocess::errors::kept); });
    }
    for (auto& server : servers) {
        const auto& faults = injected.front();
        const auto end = server.wait(time_limit);
        REQUIRE(end);
        CHECK(end->exit_code() == 1);
        CHECK_FALSE(server.left_processes());
        const auto error_text = server.error_output();
        INFO(error_text);
        CHECK(error_text.find(
                  "\nparley-server: 10 workers in a row failed within 1000 ms of their start; the last: "
                  "worker ") != error_text.npos);
        // Workers whose accept fails have reported ready; those without epoll have not.
        if (error_text.find("epoll_ctl") != error_text.npos) CHECK(server.rest_of_output() == "");
        CHECK(faults.calls(call::fork) <= 12);
        injected.pop_front();
    }
}

} // namespace parley
