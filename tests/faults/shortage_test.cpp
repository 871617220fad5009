// A start under a shortage; and the models that run no services, with system calls that fail.
#include "tests/faults/faulty_server.hpp"

#include <doctest/doctest.h>
#include <list>

namespace parley {

namespace {

using faults::call;

/// Starts a server of which one call fails, and says how it went: "serves" to its end, or its exit status and
/// its words.
std::string start(const fault_injection& injected, std::vector<std::string> command) {
    command.insert(command.begin(), {PARLEY_SERVER, "--listen", "127.0.0.1:0", "--log-level", "off"});
    auto server =
        injected.into([&] { return std::make_unique<subprocess>(command, subprocess::errors::kept); });
    try {
        const auto endpoint = ready_address(server->read_line(time_limit));
        auto connection = connect_to(endpoint);
        send_all(connection, "x");
        if (read_next(connection) != "x") return "serves badly";
    } catch (const std::runtime_error&) { // it, or its worker, ended before that
    }
    server->signal(SIGTERM); // where another of its loops has not ended it
    injected.clear();
    const auto end = server->wait(time_limit);
    if (!end) return "does not end";
    if (end->exit_code() == 0) return "serves";
    return end->to_string() + ": " + server->error_output();
}

} // namespace

TEST_CASE("a server that cannot start ends with one line that says why, and leaves nothing behind") {
    const struct {
        call which;
        int error;
        std::uint64_t most; // of such calls at the start
        std::string_view why;
    } rows[] = {
        {call::mmap, ENOMEM, 4, "Cannot allocate memory"},
        {call::epoll_ctl, ENOSPC, 2, "No space left on device"},
        {call::setsockopt, ENOBUFS, 2, "No buffer space available"},
    };
    for (const auto& each : models()) {
        if (each.datagrams || each.commands || !each.obstacle().empty()) continue;
        for (const auto& row : rows) {
            // Asio does not look at what becomes of its own descriptors.
            if (each.name == "coroutine" && row.which == call::epoll_ctl) continue;
            bool reached = true;
            for (std::uint64_t first = 1; reached && first <= row.most; ++first) {
                INFO(each.name, ": ", row.why, " at call ", first);
                fault_injection injected;
                injected.fail(row.which, row.error, first);
                const auto outcome =
                    start(injected, {"--service", "echo", "--workers", "2", "--model", std::string{each.name}});
                reached = injected.wrong(row.which) != 0;
                if (outcome == "serves") continue;
                if (outcome.starts_with("exit code 143")) continue; // it was ending: that was its second signal
                INFO(outcome);
                CHECK(outcome.starts_with("exit code 1: parley-server: "));
                CHECK(outcome.find(row.why) != outcome.npos);
                CHECK(std::ranges::count(outcome, '\n') == 1);
            }
        }
    }
}

TEST_CASE("a command that cannot be started costs its client at the most") {
    const model_variant how{"exec", "exec", {"--", "cat"}};
    faulty_server tried{how, "off", "echo"};
    const struct {
        call which;
        int error;
        std::uint64_t most;
    } rows[] = {
        {call::accept4, EMFILE, 1}, {call::fork, EAGAIN, 2},          {call::epoll_ctl, ENOMEM, 2},
        {call::wait, EINTR, 3},     {call::operator_new, ENOMEM, 40},
    };
    const auto suffer_all = [&] {
        for (const auto& row : rows) {
            for (std::uint64_t first = 1; first <= row.most; ++first) {
                INFO("call ", static_cast<std::size_t>(row.which), " number ", first);
                tried.injected.fail(row.which, row.error, first);
                tried.serves();
                tried.injected.clear();
                CHECK(tried.serves() == "");
            }
        }
    };
    suffer_all();
    CHECK(in_time([&] { return children_of(tried.server.process().pid()).empty(); }));
    const auto before = tried.descriptors();
    suffer_all();
    CHECK(in_time([&] { return tried.descriptors() <= before; }));
    CHECK(tried.server.shutdown_problems() == "");
}

/// Are all children of the server alive, and no more than `most`?
bool has_no_dead_children(faulty_server& tried, std::size_t most) {
    return in_time([&] {
        const auto children = children_of(tried.server.process().pid());
        return children.size() <= most && std::ranges::count(children, 'Z', &process_state::state) == 0;
    });
}

TEST_CASE("without any process to be had, the dead are reaped, and a waiting client is served as soon as there "
          "is one") {
    const model_variant model_variants[] = {
        {"fork", "fork", {}}, {"exec", "exec", {"--", "sh", "-c", "read -r x; echo \"Hello, $x\""}}};
    for (const auto& how : model_variants) {
        INFO(how.name);
        faulty_server tried{how, "off"};
        auto first = connect_to(tried.server.endpoint());
        send_all(first, "A"); // it has its process
        CHECK(in_time([&] { return children_of(tried.server.process().pid()).size() == 1; }));
        tried.injected.fail(call::fork, EAGAIN, 1, fault_injection::for_ever);
        auto waiting = connect_to(tried.server.endpoint());
        send_all(waiting, "Ada\n");
        CHECK(in_time([&] { return tried.injected.wrong(call::fork) > 0; }));
        send_all(first, "da\n");
        CHECK(read_line(first).starts_with("Hello, Ada"));
        first.shutdown_write();
        CHECK(read_to_end(first) == "");
        CHECK(has_no_dead_children(tried, 0)); // though fork still fails
        tried.injected.clear();
        CHECK(read_line(waiting).starts_with("Hello, Ada"));
        waiting.shutdown_write();
        CHECK(read_to_end(waiting) == "");
        CHECK(tried.server.shutdown_problems() == "");
    }
}

TEST_CASE("workers that cannot be replaced leave the others serving, and are replaced later") {
    for (const model_variant& how :
         {model_variant{"prefork", "prefork", {}}, model_variant{"hybrid", "hybrid", {}}}) {
        INFO(how.name);
        faulty_server tried{how, "off"};
        const auto pid = tried.server.process().pid();
        CHECK(in_time([&] { return children_of(pid).size() == 2; }));
        tried.injected.fail(call::fork, EAGAIN, 1, fault_injection::for_ever);
        kill(children_of(pid).front().process, SIGKILL);
        CHECK(in_time([&] { return tried.injected.wrong(call::fork) > 0; }));
        CHECK(has_no_dead_children(tried, 1));
        CHECK(tried.serves(1) == "");
        tried.injected.clear();
        CHECK(in_time([&] { return children_of(pid).size() == 2; }));
        CHECK(tried.serves(2) == "");
        CHECK(tried.server.shutdown_problems() == "");
    }
}

TEST_CASE("a datagram that cannot be answered is lost, and no other") {
    fault_injection injected;
    running_server server{injected.into([&] {
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
    for (const auto which : {call::recv, call::send, call::wait, call::operator_new}) {
        INFO("call ", static_cast<std::size_t>(which));
        injected.fail(which, which == call::wait ? EINTR : ENOBUFS);
        ask("lost, or not");
        CHECK(in_time([&] { return injected.wrong(which) == 1; }));
        ask("next");
        std::string answer;
        while (answer != "next") answer = read_next(connection);
    }
    CHECK(server.stop().end.to_string() == "exit code 0");
}

TEST_CASE("a load whose thread cannot start says so, and ends") {
    for (const std::uint64_t which : {1, 2}) {
        fault_injection injected;
        injected.fail(call::pthread_create, EAGAIN, which);
        // A thread that did start must not wait for the others: there need not be a server.
        const std::vector<std::string> command{PARLEY_LOAD, "127.0.0.1:1",   "--threads",
                                               "3",         "--connections", "3"};
        auto load =
            injected.into([&] { return std::make_unique<subprocess>(command, subprocess::errors::kept); });
        const auto end = load->wait(time_limit);
        REQUIRE(end);
        CHECK(end->exit_code() == 1);
        CHECK(load->error_output() ==
              fmt::format(
                  "parley-load: cannot start thread {} of 3: Resource temporarily unavailable; ask for less "
                  "--threads\n",
                  which + 1));
    }
}

TEST_CASE("workers that die at once are begun again, ever more slowly, and then the server says why it ends") {
    const struct {
        std::string_view model;
        call which;
        int error;
        std::vector<std::string> options;
    } rows[] = {
        {"prefork", call::accept4, EINVAL, {}},
        {"hybrid", call::accept4, EINVAL, {"--threads", "1"}},
        {"loops", call::epoll_ctl, ENOSPC, {"--in", "processes"}},
    };
    std::list<fault_injection> injected;
    std::list<subprocess> servers; // side by side, for they take their time
    for (const auto& row : rows) {
        auto& faults = injected.emplace_back();
        faults.fail(row.which, row.error, 1, fault_injection::for_ever);
        std::vector<std::string> command{
            PARLEY_SERVER, "--listen", "127.0.0.1:0", "--model", std::string{row.model}, "--workers", "2"};
        command.insert(command.end(), row.options.begin(), row.options.end());
        faults.into([&] { return &servers.emplace_back(command, subprocess::errors::kept); });
    }
    for (auto& server : servers) {
        const auto& faults = injected.front();
        const auto end = server.wait(time_limit);
        REQUIRE(end);
        CHECK(end->exit_code() == 1);
        CHECK_FALSE(server.left_processes());
        const auto said = server.error_output();
        INFO(said);
        CHECK(
            said.find("\nparley-server: 10 workers in a row failed within 1000 ms of their start; the last: "
                      "worker ") != said.npos);
        // Workers whose accept fails have been ready; those that have no epoll have not.
        if (said.find("epoll_ctl") != said.npos) CHECK(server.rest_of_output() == "");
        CHECK(faults.seen(call::fork) <= 12);
        injected.pop_front();
    }
}

} // namespace parley
