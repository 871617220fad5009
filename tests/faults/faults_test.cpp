// The table of faults: what clients, the system and those who run a server may do to it, in every model, and
// what is promised then.
#include "common/process/process_usage.hpp"
#include "common/scoreboard/scoreboard_view.hpp"
#include "tests/support/client_group.hpp"
#include "tests/support/model_variants.hpp"
#include "tests/support/proc.hpp"

#include <doctest/doctest.h>
#include <sstream>
#include <sys/resource.h>

using namespace std::chrono_literals;

namespace parley {

namespace {

using std::chrono::steady_clock;

const std::vector<std::string> small_pool{"--workers", "2", "--threads", "2"};

std::vector<std::string> small_pool_and(std::vector<std::string> more) {
    more.insert(more.end(), small_pool.begin(), small_pool.end());
    return more;
}

void signal_all(server_under_test& server, int number) {
    for (const auto& each : processes_in_group(server.process().pid())) kill(each.process, number);
}

/// Those that begin meanwhile, too; some may have ended.
bool stop_all(server_under_test& server) {
    signal_all(server, SIGSTOP);
    const auto all = processes_in_group(server.process().pid());
    return std::ranges::all_of(
        all, [](const process_state& each) { return each.state == 'T' || each.state == 'Z'; });
}

/// Of a server and all its processes, in bytes.
std::size_t memory_of(pid_t group) {
    std::size_t pages = 0;
    for (const auto& each : processes_in_group(group)) {
        std::size_t all = 0, resident = 0;
        std::ifstream{fmt::format("/proc/{}/statm", each.process)} >> all >> resident;
        pages += resident;
    }
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Is each worker of the small pool there, and does everybody wait for something to do? Then all are done with
/// their beginning. Of models that begin a worker for each client, only the latter.
bool is_at_rest(const model_variant& how, pid_t server) {
    const auto seen = scoreboard_view{server}.take_snapshot();
    const std::size_t workers = how.model == "hybrid"                                                   ? 4
                                : how.model == "prefork" || how.model == "pool" || how.model == "loops" ? 2
                                                                                                        : 0;
    if (!seen || seen->workers.size() < workers) return false;
    for (const auto& each : processes_in_group(server)) {
        for (const auto& thread :
             std::filesystem::directory_iterator{fmt::format("/proc/{}/task", each.process)}) {
            std::string text;
            std::getline(std::ifstream{thread.path() / "stat"}, text);
            const auto name_end = text.rfind(')');
            if (name_end == text.npos || text.at(name_end + 2) != 'S') return false;
        }
    }
    return true;
}

/// The descriptor that the process would get next (open(2)).
rlim_t lowest_free(pid_t process) {
    rlim_t number = 0;
    while (std::filesystem::is_symlink(fmt::format("/proc/{}/fd/{}", process, number))) ++number;
    return number;
}

void limit_descriptors(pid_t process, rlim_t most) {
    const rlimit limit{.rlim_cur = most, .rlim_max = 1000};
    prlimit(process, RLIMIT_NOFILE, &limit, nullptr);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t many_in_a_loop = 500, many_workers = 50;
#else
constexpr std::size_t many_in_a_loop = 5000, many_workers = 1000;
#endif

/// How many clients the form must hold at a time; a model's further ways to accept: fewer, to save time.
std::size_t crowd_of(const model_variant& how) {
    if (how.model == "iterative") return 1;
    for (const auto* const one : {"epoll", "uring", "coroutine", "loops", "loop-pool"})
        if (how.model == one) return many_in_a_loop;
    const auto all = model_variants();
    const auto first = std::ranges::find(all, how.model, &model_variant::model);
    return first->name == how.name ? many_workers : many_workers / 10;
}

/// As many workers as clients, where each has one of its own.
std::vector<std::string> workers_for(const model_variant& how, std::size_t crowd) {
    if (how.model == "hybrid") return {"--workers", "10", "--threads", std::to_string(crowd / 10)};
    if (how.model == "prefork" || how.model == "pool") return {"--workers", std::to_string(crowd)};
    return {"--workers", "2"};
}

/// Sends as fast as the server takes it, and reads nothing. Returns how much that was when it got stuck, or
/// `most`.
std::size_t flood(connection& connection, std::size_t most) {
    static const std::string part(256 * 1024, 'x');
    std::size_t sent = 0;
    while (sent < most) {
        const auto count = connection.write_some(part);
        sent += count;
        pollfd room{.fd = connection.descriptor(), .events = POLLOUT, .revents = 0};
        if (count == 0 && poll(&room, 1, 200) == 0) break;
    }
    return sent;
}

} // namespace

TEST_CASE("clients that stand at the door when a stop comes are served: twenty of twenty") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("hello", small_pool);
        CHECK(client_group{"hello", server.endpoint()}.add(1).converse() == "");
        CHECK(in_time([&] { return stop_all(server); })); // so that nobody is let in
        std::vector<connection> clients;
        for (int i = 0; i != 20; ++i) {
            clients.push_back(connect_to(server.endpoint()));
            send_all(clients.back(), "Ada\n");
            clients.back().shutdown_write();
        }
        server.process().signal(SIGTERM);
        signal_all(server, SIGCONT);
        int served = 0;
        for (auto& each : clients) {
            try {
                served += read_to_end(each).starts_with("Hello, Ada");
            } catch (const std::system_error&) { // a reset: it was not
            }
        }
        CHECK(served == 20);
        CHECK(server.problems_after_exit() == "");
    });
}

TEST_CASE("a stop in the midst of handshakes keeps nobody waiting: neither the server nor who is not in yet") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("hello", small_pool_and({"--backlog", "1"}));
        CHECK(client_group{"hello", server.endpoint()}.add(1).converse() == "");
        CHECK(in_time([&] { return stop_all(server); }));
        std::vector<unique_fd> clients; // more than the kernel's queue holds: it lets the others call again
        for (int i = 0; i != 12; ++i) clients.push_back(begin_connecting(server.endpoint()));
        const auto is_in = [](const unique_fd& client) {
            pollfd made{.fd = client.get(), .events = POLLOUT, .revents = 0};
            return poll(&made, 1, 0) == 1;
        };
        CHECK(std::ranges::count_if(clients, is_in) < 12);
        server.process().signal(SIGTERM);
        signal_all(server, SIGCONT);
        CHECK(server.problems_after_exit() == "");
        for (auto& each : clients) {
            connection connection{std::move(each)};
            std::string answer;
            std::error_code outcome;
            try {
                wait_for(connection, POLLIN | POLLOUT);
                send_all(connection,
                         "x"); // no request yet; who was forgotten amid the handshake is told by a reset
                answer = read_to_end(connection);
            } catch (const std::system_error& error) {
                outcome = error.code();
            }
            CHECK(answer.empty());
            CHECK((!outcome || outcome == std::errc::broken_pipe || outcome == std::errc::connection_refused ||
                   outcome == std::errc::connection_reset));
        }
    });
}

TEST_CASE("every byte comes back, however it comes, and then the end") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("echo", small_pool);
        std::string text(100'000, '\0');
        for (std::size_t i = 0; i != text.size(); ++i) text[i] = static_cast<char>(i * 7 + i / 251);
        { // half-closed, and read only then
            auto connection = connect_to(server.endpoint());
            send_all(connection, text);
            connection.shutdown_write();
            const bool same = read_to_end(connection) == text;
            CHECK(same);
        }
        { // a byte a segment
            auto connection = connect_to(server.endpoint());
            for (std::size_t i = 0; i != 300; ++i) send_all(connection, std::string_view{text}.substr(i, 1));
            connection.shutdown_write();
            const bool same = read_to_end(connection) == text.substr(0, 300);
            CHECK(same);
        }
        { // urgent data amid others
            auto connection = connect_to(server.endpoint());
            send_all(connection, "abc");
            CHECK(::send(connection.descriptor(), "!", 1, MSG_OOB) == 1);
            send_all(connection, "def");
            connection.shutdown_write();
            CHECK(read_to_end(connection) == "abc!def");
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE(
    "a client that sends 256 MiB and reads nothing costs bounded memory, and keeps nobody from being served") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("echo", small_pool);
        CHECK(client_group{"echo", server.endpoint()}.add(2).converse() == "");
        const auto before = memory_of(server.process().pid());
        auto unreading = connect_to(server.endpoint());
        constexpr std::size_t mebibyte = 1 << 20;
        CHECK(flood(unreading, 256 * mebibyte) < 64 * mebibyte); // what the kernel holds for both ends
#if !defined(__SANITIZE_THREAD__)                                // it keeps notes on every byte
        CHECK(memory_of(server.process().pid()) < before + 32 * mebibyte);
#else
        CHECK(memory_of(server.process().pid()) < before + 256 * mebibyte);
#endif
        // Where each worker has a queue of its own, another client may stand in the wrong one.
        if (how.model != "iterative" && how.name != "prefork --accept reuseport")
            CHECK(client_group{"echo", server.endpoint()}.add(3).converse() == "");
        reset(std::move(unreading));
        CHECK(client_group{"echo", server.endpoint()}.add(3).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("five thousand connections are held by a loop, a thousand by workers, and all are answered") {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, many_in_a_loop + 100);
    REQUIRE(limit.rlim_cur > many_in_a_loop);
    setrlimit(RLIMIT_NOFILE, &limit);
    for_each_form([](const model_variant& how) {
        if (how.name == "prefork --accept reuseport")
            return; // the kernel chooses whose client one is, busy or not
        const auto crowd = crowd_of(how);
        auto server = how.serve("hello", workers_for(how, crowd));
        std::vector<connection> clients;
        std::size_t answered = 0;
        while (clients.size() != crowd) {
            clients.push_back(connect_to(server.endpoint()));
            send_all(clients.back(), "Ada\n");
            answered += read_line(clients.back()).starts_with("Hello, Ada (request 1");
        }
        CHECK(answered == crowd);
        for (auto& each : clients) send_all(each, "Bob\n");
        for (auto& each : clients) {
            answered += read_line(each).starts_with("Hello, Bob (request 2");
            each.shutdown_write();
        }
        CHECK(answered == 2 * crowd);
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("idle and dripping clients, more than there are workers, are let go, and others are served") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("hello", small_pool_and({"--idle-timeout", "200ms", "--max-connections", "4"}));
        std::vector<connection> loris;
        for (int i = 0; i != 8; ++i) {
            loris.push_back(connect_to(server.endpoint()));
            if (i % 2 == 0) send_all(loris.back(), "x");
        }
        CHECK(client_group{"hello", server.endpoint()}.add(3).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("signals that are nobody's business change nothing") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("hello", small_pool);
        auto connection = connect_to(server.endpoint());
        for (const int number : {SIGWINCH, SIGPIPE, SIGCHLD, SIGALRM, SIGUSR1, SIGSTOP}) {
            INFO("signal ", number);
            send_all(connection, "A");
            signal_all(server, number);
            send_all(connection, "da\n");
            if (number == SIGSTOP) {
                CHECK(in_time([&] { return stop_all(server); }));
                signal_all(server, SIGCONT);
            }
            CHECK(read_line(connection).starts_with("Hello, Ada"));
        }
        connection.shutdown_write();
        CHECK(read_to_end(connection).empty());
        CHECK(client_group{"hello", server.endpoint()}.add(3).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("without any descriptor left, who is in is served, who comes waits, and nothing spins") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("hello", small_pool, "off");
        const auto group = server.process().pid();
        auto inside = connect_to(server.endpoint());
        send_all(inside, "Ada\n");
        CHECK(read_line(inside).starts_with("Hello, Ada"));
        CHECK(in_time([&] { return is_at_rest(how, group); }));
        for (const auto& each : processes_in_group(group))
            limit_descriptors(each.process, std::max<rlim_t>(8, lowest_free(each.process)));
        // A worker that waits in accept(2) has its next descriptor already: so a few may still get in.
        std::vector<connection> waiting;
        for (int i = 0; i != 6; ++i) {
            waiting.push_back(connect_to(server.endpoint()));
            send_all(waiting.back(), "Bob\n");
        }
        const auto begin = steady_clock::now();
        const auto worked = cpu_time_of(group);
        do { // some breaths long
            send_all(inside, "Ada\n");
            CHECK(read_line(inside).starts_with("Hello, Ada"));
            poll(nullptr, 0, 20);
        } while (steady_clock::now() - begin < 3 * listener::accept_backoff);
        CHECK(4 * (cpu_time_of(group) - worked) <= steady_clock::now() - begin);
        for (const auto& each : processes_in_group(group)) limit_descriptors(each.process, 1000);
        inside.shutdown_write();
        for (auto& each : waiting) {
            CHECK(read_line(each).starts_with("Hello, Bob"));
            each.shutdown_write();
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE(
    "workers that are killed in the midst of requests cost their clients, and no lock, no slot and no count") {
    for_each_form([](const model_variant& how) {
        auto server = how.serve("counter", small_pool, "off");
        const auto pid = server.process().pid();
        { // so that there are workers where each client has one of its own
            const auto seen_first = connect_to(server.endpoint());
            if (!in_time([&] { return is_at_rest(how, pid); })) FAIL("it never rests");
        }
        if (how.model != "fork" && children_of(pid).empty()) return; // threads die with their server
        std::uint64_t highest = 0;
        for (int round = 0; round != 3; ++round) {
            std::vector<connection> clients;
            for (int i = 0; i != 2; ++i) {
                clients.push_back(connect_to(server.endpoint()));
                send_all(clients.back(), std::string(2000, '\n'));
            }
            wait_for(clients[0], POLLIN); // it is being served
            const auto workers = children_of(pid);
            if (!workers.empty()) {
                const auto killed = workers[static_cast<std::size_t>(round) % workers.size()].process;
                kill(killed, SIGKILL);
                // Until it is gone, a listener of its own still takes connections, which end with it.
                CHECK(in_time([&] {
                    const auto left = children_of(pid);
                    return std::none_of(left.begin(), left.end(),
                                        [&](const auto& each) { return each.process == killed; });
                }));
            }
            for (auto& each : clients) {
                each.shutdown_write();
                std::string answers;
                try {
                    for (auto bytes = read_next(each); !bytes.empty(); bytes = read_next(each))
                        answers += bytes;
                } catch (const std::system_error&) { // reset, with its worker
                }
                std::istringstream numbers{answers.substr(0, answers.rfind('\n') + 1)};
                for (std::uint64_t value = 0; numbers >> value;) highest = std::max(highest, value);
            }
        }
        auto connection = connect_to(server.endpoint());
        const auto next = [&] {
            send_all(connection, "\n");
            return std::stoull(read_line(connection));
        };
        const auto first = next();
        CHECK(highest > 0);
        CHECK(first > highest);
        CHECK(next() == first + 1);
        connection.shutdown_write();
        CHECK(read_to_end(connection).empty());
        const std::size_t size = how.model == "fork" ? 0 : 2;
        CHECK(in_time([&] { return children_of(pid).size() == size; }));
        CHECK(in_time([&] { return scoreboard_view{pid}.take_snapshot()->open == 0; }));
        CHECK(server.shutdown_problems() == "");
    });
}

} // namespace parley
