// Tests of worker_threads: threads are numbered, limited, woken and joined.
#include "common/concurrency/bounded_queue.hpp"
#include "common/concurrency/slot_numbers.hpp"
#include "common/concurrency/worker_threads.hpp"
#include "common/net/listener.hpp"
#include "common/process/stop_signal.hpp"
#include "tests/support/own_loopback.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/socket_pair.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <memory>
#include <random>
#include <set>
#include <thread>

using namespace std::chrono_literals;

namespace parley {

using work = worker_threads::work;

namespace {

void yield_often(unsigned times) {
    for (unsigned i = 0; i != times; ++i) std::this_thread::yield();
}

#if defined(__SANITIZE_THREAD__)
constexpr auto length_of_race = 10s;
#else
constexpr auto length_of_race = 1s;
#endif

/// Runs `round(random)` repeatedly, each time in a process of its own. A failure reports the seed.
template <class Round>
void race(Round round) {
    const auto begin = std::chrono::steady_clock::now();
    for (auto seed = std::random_device{}(); std::chrono::steady_clock::now() - begin < length_of_race;
         ++seed) {
        INFO("seed ", seed);
        REQUIRE(run_in_fork([&] {
                    std::mt19937 random{seed};
                    round(random);
                }) == "exit 0");
    }
}

} // namespace

TEST_CASE("the smallest free number is taken first") {
    slot_numbers numbers{3};
    CHECK(numbers.take() == 1);
    CHECK(numbers.take() == 2);
    CHECK(numbers.take() == 3);
    CHECK_FALSE(numbers.has_free());
    numbers.release(3);
    numbers.release(1);
    CHECK(numbers.taken() == 1);
    CHECK(numbers.take() == 1);
    CHECK(numbers.take() == 3);
    CHECK_FALSE(numbers.has_free());
}

TEST_CASE("each thread has a number of its own, and all are joined") {
    std::mutex mutex;
    std::set<int> numbers;
    worker_threads threads{20};
    for (int i = 0; i != 20; ++i)
        CHECK(threads.start(work{[&](int number) {
            const std::lock_guard lock{mutex};
            numbers.insert(number);
        }}));
    threads.join();
    CHECK(!numbers.empty());
    CHECK(*numbers.begin() == 1);
    CHECK(*numbers.rbegin() <= 20);
}

TEST_CASE("there are never more threads than the limit") {
    std::atomic<int> running = 0;
    std::atomic<int> peak = 0;
    std::atomic<int> done = 0;
    worker_threads threads{3};
    for (int i = 0; i != 100; ++i) {
        REQUIRE(threads.wait_for_room());
        threads.start(work{[&](int) {
            peak = std::max(peak.load(), ++running);
            std::this_thread::yield();
            --running;
            ++done;
        }});
    }
    threads.join();
    CHECK(done == 100);
    CHECK(peak <= 3);
}

TEST_CASE("what a thread owns is gone when it has been joined") {
    const auto owned = std::make_shared<int>(1);
    worker_threads threads{1};
    threads.start(work{[own = std::make_unique<int>(1), also = owned](int) {}});
    threads.join();
    CHECK(owned.use_count() == 1);
}

TEST_CASE("a stop wakes a thread that waits, and whoever waits for room") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              worker_threads threads{1};
              auto ends = make_socket_pair(0);
              threads.start(work{[&](int) {
                  read_buffer buffer;
                  while (!stop_signal::is_requested()) (void)ends.local.read_some(buffer);
              }});
              kill(getpid(), SIGTERM);
              require(!threads.wait_for_room(), "a stop instead of room");
              threads.join();
          }) == "exit 0");
}

TEST_CASE("threads that begin, end and are handed work while a stop comes lose none of it") {
    race([](std::mt19937& random) {
        stop_signal::install(1h);
        bounded_queue<std::unique_ptr<int>> queue{2};
        std::atomic<int> pushed = 0, popped = 0;
        worker_threads threads{4};
        for (int i = 0; i != 2; ++i)
            threads.start(work{[&, pace = random() % 4](int) {
                while (queue.pop()) {
                    ++popped;
                    yield_often(pace);
                }
            }});
        const auto stop_after = random() % 60;
        for (unsigned i = 0; i != 60; ++i) {
            if (i == stop_after) kill(getpid(), SIGTERM);
            auto item = std::make_unique<int>(1);
            if (queue.push(item, stop_signal::is_grace_over)) ++pushed;
            if (random() % 8 == 0 && threads.wait_for_room())
                threads.start(work{[&, pace = random() % 8](int) { yield_often(pace); }});
            yield_often(random() % 3);
        }
        queue.close();
        threads.join();
        require(pushed == 60 && popped == 60, "all that was given was taken");
    });
}

TEST_CASE("clients that are accepted and handed over while a stop comes are all served, and no other") {
    race([](std::mt19937& random) {
        stop_signal::install(1h);
        listener endpoint{address::resolve(own_endpoint()).front(), {}};
        bounded_queue<connection> queue{2};
        std::atomic<int> accepted = 0, served = 0;
        worker_threads threads{4};
        for (int i = 0; i != 3; ++i)
            threads.start(work{[&, pace = random() % 4](int) {
                while (auto connection = queue.pop()) {
                    yield_often(pace);
                    read_buffer buffer;
                    while (!connection->read_some(buffer)) { // a signal interrupted the call
                    }
                    (void)connection->write_some("x");
                }
            }});
        std::jthread clients{
            [&, address = endpoint.addresses().front(), pace = random() % 4, stop_after = random() % 60] {
                sigset_t all_signals; // the server's threads handle the signals
                sigfillset(&all_signals);
                pthread_sigmask(SIG_BLOCK, &all_signals, nullptr);
                for (unsigned i = 0; i != 60; ++i) {
                    if (i == stop_after) kill(getpid(), SIGTERM);
                    yield_often(pace);
                    // The client sends first. During a handshake the kernel may drop a client silently, and
                    // only data that the client sends is then answered by a reset.
                    const unique_fd socket{::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
                    char byte = '?';
                    served += ::connect(socket.get(), address.data(), address.size()) == 0 &&
                              ::send(socket.get(), &byte, 1, MSG_NOSIGNAL) == 1 &&
                              ::recv(socket.get(), &byte, 1, 0) == 1;
                }
            }};
        while (auto connection = endpoint.accept()) {
            ++accepted;
            yield_often(random() % 3);
            require(queue.push(*connection, stop_signal::is_grace_over), "handed over");
        }
        endpoint.close(); // later clients are refused
        queue.close();
        threads.join();
        clients.join();
        require(accepted == served, "all that were accepted were served");
    });
}

TEST_CASE("what a thread throws requests a stop, and is thrown to whoever joins") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              worker_threads threads{1};
              threads.start(work{[](int) { throw std::runtime_error{"the thread failed"}; }});
              std::string error_text;
              try {
                  threads.join();
              } catch (const std::runtime_error& error) {
                  error_text = error.what();
              }
              require(error_text == "the thread failed", "thrown to us");
              require(stop_signal::is_requested(), "a stop");
          }) == "exit 0");
}

TEST_CASE("threads that are left at the end are asked to stop") {
    CHECK(run_in_fork([] {
              stop_signal::install(0ms);
              auto ends = make_socket_pair(0);
              worker_threads threads{1};
              threads.start(work{[&](int) {
                  read_buffer buffer;
                  while (!stop_signal::is_requested()) (void)ends.local.read_some(buffer);
              }});
          }) == "exit 0");
}

} // namespace parley
