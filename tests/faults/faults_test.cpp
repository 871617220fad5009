// Tests of external faults in every model: what clients, the system and operators may do to a server, and
// what it guarantees then.
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

std::vector<std::string> small_pool_and(std::vector<std::string> options) {
    options.insert(options.end(), small_pool.begin(), small_pool.end());
    return options;
}

void signal_all(server_under_test& server, int number) {
    for (const auto& process : processes_in_group(server.process().pid())) kill(process.process, number);
}

/// Stops all processes of the server. Returns false if another one has started since; some may have
/// ended.
bool stop_all(server_under_test& server) {
    signal_all(server, SIGSTOP);
    const auto processes = processes_in_group(server.process().pid());
    return std::ranges::all_of(
        processes, [](const process_state& process) { return process.state == 'T' || process.state == 'Z'; });
}

/// Returns the resident memory of a server and all its processes, in bytes.
std::size_t memory_of(pid_t group) {
    std::size_t pages = 0;
    for (const auto& process : processes_in_group(group)) {
        std::size_t total = 0, resident = 0;
        std::ifstream{fmt::format("/proc/{}/statm", process.process)} >> total >> resident;
        pages += resident;
    }
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// True if each worker of the small pool exists, and all threads sleep: then all workers have finished their
/// start. For models with a worker per client, only the latter is checked.
bool is_idle(const model_variant& variant, pid_t server) {
    const auto snapshot = scoreboard_view{server}.take_snapshot();
    const std::size_t workers =
        variant.model == "hybrid"                                                           ? 4
        : variant.model == "prefork" || variant.model == "pool" || variant.model == "loops" ? 2
                                                                                            : 0;
    if (!snapshot || snapshot->workers.size() < workers) return false;
    for (const auto& process : processes_in_group(server)) {
        for (const auto& thread :
             std::filesystem::directory_iterator{fmt::format("/proc/{}/task", process.process)}) {
            std::string text;
            std::getline(std::ifstream{thread.path() / "stat"}, text);
            const auto name_end = text.rfind(')');
            if (name_end == text.npos || text.at(name_end + 2) != 'S') return false;
        }
    }
    return true;
}

/// Returns the descriptor that the process would get next (open(2)).
rlim_t lowest_free(pid_t process) {
    rlim_t number = 0;
    while (std::filesystem::is_symlink(fmt::format("/proc/{}/fd/{}", process, number))) ++number;
    return number;
}

void limit_descriptors(pid_t process, rlim_t max_descriptors) {
    const rlimit limit{.rlim_cur = max_descriptors, .rlim_max = 1000};
    prlimit(process, RLIMIT_NOFILE, &limit, nullptr);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t many_in_a_loop = 500, many_workers = 50;
#else
constexpr std::size_t many_in_a_loop = 5000, many_workers = 1000;
#endif

/// Returns how many concurrent clients the variant must serve; fewer for a model's further accept strategies,
/// to save time.
std::size_t client_count_for(const model_variant& variant) {
    if (variant.model == "iterative") return 1;
    for (const auto* const loop_model : {"epoll", "uring", "coroutine", "loops", "loop-pool"})
        if (variant.model == loop_model) return many_in_a_loop;
    const auto variants = model_variants();
    const auto first = std::ranges::find(variants, variant.model, &model_variant::model);
    return first->name == variant.name ? many_workers : many_workers / 10;
}

/// Returns as many workers as clients if each client needs one of its own.
std::vector<std::string> workers_for(const model_variant& variant, std::size_t clients) {
    if (variant.model == "hybrid") return {"--workers", "10", "--threads", std::to_string(clients / 10)};
    if (variant.model == "prefork" || variant.model == "pool") return {"--workers", std::to_string(clients)};
    return {"--workers", "2"};
}

/// Sends without reading until the server stops receiving. Returns the bytes sent, at most `max_bytes`.
std::size_t flood(connection& connection, std::size_t max_bytes) {
    static const std::string chunk(256 * 1024, 'x');
    std::size_t sent = 0;
    while (sent < max_bytes) {
        const auto count = connection.write_some(chunk);
        sent += count;
        pollfd writable{.fd = connection.descriptor(), .events = POLLOUT, .revents = 0};
        if (count == 0 && poll(&writable, 1, 200) == 0) break;
    }
    return sent;
}

} // namespace

TEST_CASE("clients that are in the backlog when a stop comes are served: twenty of twenty") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("hello", small_pool);
        CHECK(client_group{"hello", server.endpoint()}.add(1).converse() == "");
        CHECK(eventually([&] { return stop_all(server); })); // so that no client is accepted
        std::vector<connection> clients;
        for (int i = 0; i != 20; ++i) {
            clients.push_back(connect_to(server.endpoint()));
            send_all(clients.back(), "Ada\n");
            clients.back().shutdown_write();
        }
        server.process().signal(SIGTERM);
        signal_all(server, SIGCONT);
        int served = 0;
        for (auto& client : clients) {
            try {
                served += read_to_end(client).starts_with("Hello, Ada");
            } catch (const std::system_error&) { // a reset: the client was not served
            }
        }
        CHECK(served == 20);
        CHECK(server.problems_after_exit() == "");
    });
}

TEST_CASE("a stop in the midst of handshakes keeps nobody waiting: neither the server nor who is not in yet") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("hello", small_pool_and({"--backlog", "1"}));
        CHECK(client_group{"hello", server.endpoint()}.add(1).converse() == "");
        CHECK(eventually([&] { return stop_all(server); }));
        std::vector<unique_fd> clients; // more than the backlog holds: the kernel drops the SYNs of the others
        for (int i = 0; i != 12; ++i) clients.push_back(begin_connecting(server.endpoint()));
        const auto is_connected = [](const unique_fd& client) {
            pollfd writable{.fd = client.get(), .events = POLLOUT, .revents = 0};
            return poll(&writable, 1, 0) == 1;
        };
        CHECK(std::ranges::count_if(clients, is_connected) < 12);
        server.process().signal(SIGTERM);
        signal_all(server, SIGCONT);
        CHECK(server.problems_after_exit() == "");
        for (auto& client : clients) {
            connection connection{std::move(client)};
            std::string answer;
            std::error_code outcome;
            try {
                wait_for(connection, POLLIN | POLLOUT);
                send_all(connection,
                         "x"); // no whole request; a client whose handshake was dropped gets a reset
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
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("echo", small_pool);
        std::string text(100'000, '\0');
        for (std::size_t i = 0; i != text.size(); ++i) text[i] = static_cast<char>(i * 7 + i / 251);
        { // shutdown first, reading after it
            auto connection = connect_to(server.endpoint());
            send_all(connection, text);
            connection.shutdown_write();
            const bool same = read_to_end(connection) == text;
            CHECK(same);
        }
        { // one byte per segment
            auto connection = connect_to(server.endpoint());
            for (std::size_t i = 0; i != 300; ++i) send_all(connection, std::string_view{text}.substr(i, 1));
            connection.shutdown_write();
            const bool same = read_to_end(connection) == text.substr(0, 300);
            CHECK(same);
        }
        { // urgent data between normal data
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
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("echo", small_pool);
        CHECK(client_group{"echo", server.endpoint()}.add(2).converse() == "");
        const auto before = memory_of(server.process().pid());
        auto unreading = connect_to(server.endpoint());
        constexpr std::size_t mebibyte = 1 << 20;
        CHECK(flood(unreading, 256 * mebibyte) < 64 * mebibyte); // what the kernel buffers for both ends
#if !defined(__SANITIZE_THREAD__)                                // ThreadSanitizer needs shadow memory
        CHECK(memory_of(server.process().pid()) < before + 32 * mebibyte);
#else
        CHECK(memory_of(server.process().pid()) < before + 256 * mebibyte);
#endif
        // If each worker has its own queue, the kernel may give a client to the busy worker.
        if (variant.model != "iterative" && variant.name != "prefork --accept reuseport")
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
    for_each_variant([](const model_variant& variant) {
        if (variant.name == "prefork --accept reuseport")
            return; // the kernel chooses the worker of a client, busy or not
        const auto count = client_count_for(variant);
        auto server = variant.serve("hello", workers_for(variant, count));
        std::vector<connection> clients;
        std::size_t answered = 0;
        while (clients.size() != count) {
            clients.push_back(connect_to(server.endpoint()));
            send_all(clients.back(), "Ada\n");
            answered += read_line(clients.back()).starts_with("Hello, Ada (request 1");
        }
        CHECK(answered == count);
        for (auto& client : clients) send_all(client, "Bob\n");
        for (auto& client : clients) {
            answered += read_line(client).starts_with("Hello, Bob (request 2");
            client.shutdown_write();
        }
        CHECK(answered == 2 * count);
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("idle and dripping clients, more than there are workers, are let go, and others are served") {
    for_each_variant([](const model_variant& variant) {
        auto server =
            variant.serve("hello", small_pool_and({"--idle-timeout", "200ms", "--max-connections", "4"}));
        std::vector<connection> slow_clients;
        for (int i = 0; i != 8; ++i) {
            slow_clients.push_back(connect_to(server.endpoint()));
            if (i % 2 == 0) send_all(slow_clients.back(), "x");
        }
        CHECK(client_group{"hello", server.endpoint()}.add(3).converse() == "");
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE("signals that are nobody's business change nothing") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("hello", small_pool);
        auto connection = connect_to(server.endpoint());
        for (const int number : {SIGWINCH, SIGPIPE, SIGCHLD, SIGALRM, SIGUSR1, SIGSTOP}) {
            INFO("signal ", number);
            send_all(connection, "A");
            signal_all(server, number);
            send_all(connection, "da\n");
            if (number == SIGSTOP) {
                CHECK(eventually([&] { return stop_all(server); }));
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
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("hello", small_pool, "off");
        const auto group = server.process().pid();
        auto connected = connect_to(server.endpoint());
        send_all(connected, "Ada\n");
        CHECK(read_line(connected).starts_with("Hello, Ada"));
        CHECK(eventually([&] { return is_idle(variant, group); }));
        for (const auto& process : processes_in_group(group))
            limit_descriptors(process.process, std::max<rlim_t>(8, lowest_free(process.process)));
        // A worker that blocks in accept(2) has allocated its descriptor already, so a few clients may still
        // be accepted.
        std::vector<connection> waiting;
        for (int i = 0; i != 6; ++i) {
            waiting.push_back(connect_to(server.endpoint()));
            send_all(waiting.back(), "Bob\n");
        }
        const auto begin = steady_clock::now();
        const auto cpu_before = cpu_time_of(group);
        do { // for some back-off times
            send_all(connected, "Ada\n");
            CHECK(read_line(connected).starts_with("Hello, Ada"));
            poll(nullptr, 0, 20);
        } while (steady_clock::now() - begin < 3 * listener::accept_backoff);
        CHECK(4 * (cpu_time_of(group) - cpu_before) <= steady_clock::now() - begin);
        for (const auto& process : processes_in_group(group)) limit_descriptors(process.process, 1000);
        connected.shutdown_write();
        for (auto& client : waiting) {
            CHECK(read_line(client).starts_with("Hello, Bob"));
            client.shutdown_write();
        }
        CHECK(server.shutdown_problems() == "");
    });
}

TEST_CASE(
    "workers that are killed in the midst of requests cost their clients, and no lock, no slot and no count") {
    for_each_variant([](const model_variant& variant) {
        auto server = variant.serve("counter", small_pool, "off");
        const auto pid = server.process().pid();
        { // so that models with a worker per client have workers
            const auto client = connect_to(server.endpoint());
            if (!eventually([&] { return is_idle(variant, pid); })) FAIL("the server never becomes idle");
        }
        if (variant.model != "fork" && children_of(pid).empty()) return; // threads die with their server
        std::uint64_t highest = 0;
        for (int round = 0; round != 3; ++round) {
            std::vector<connection> clients;
            for (int i = 0; i != 2; ++i) {
                clients.push_back(connect_to(server.endpoint()));
                send_all(clients.back(), std::string(2000, '\n'));
            }
            wait_for(clients[0], POLLIN); // the client is being served
            const auto workers = children_of(pid);
            if (!workers.empty()) {
                const auto killed = workers[static_cast<std::size_t>(round) % workers.size()].process;
                kill(killed, SIGKILL);
                // Until the worker is gone, its own listener still accepts connections, which end with it.
                CHECK(eventually([&] {
                    const auto remaining = children_of(pid);
                    return std::none_of(remaining.begin(), remaining.end(),
                                        [&](const auto& child) { return child.process == killed; });
                }));
            }
            for (auto& client : clients) {
                client.shutdown_write();
                std::string answers;
                try {
                    for (auto bytes = read_next(client); !bytes.empty(); bytes = read_next(client))
                        answers += bytes;
                } catch (const std::system_error&) { // reset, because its worker died
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
        const std::size_t size = variant.model == "fork" ? 0 : 2;
        CHECK(eventually([&] { return children_of(pid).size() == size; }));
        CHECK(eventually([&] { return scoreboard_view{pid}.take_snapshot()->open == 0; }));
        CHECK(server.shutdown_problems() == "");
    });
}

} // namespace parley
