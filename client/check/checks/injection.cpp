// Injected faults: a preloaded library (inject/) makes system calls of the server fail, as man pages say that
// they can. What a right program cannot see is never injected.
#include "client/check/check_table.hpp"
#include "client/check/inject/fault_injection.hpp"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <string>

namespace parley {

namespace {

using faults::call;
using std::chrono::milliseconds;

/// Starts the server with the injector. Skips the check if it does not work in this program.
void start_with_injector(examination& examination, const fault_injection& faults) {
    try {
        examination.start({.environment = faults.environment(*examination.promise().injector)});
    } catch (const check_ended& ended) {
        examination.skip("it does not start with a preloaded library: " + ended.text);
    }
    auto client = examination.connect();
    if (examination.profile().takes_requests)
        examination.exchange(client);
    else
        client.receive_all();
    if (faults.system_calls() == 0)
        examination.skip(
            "its system calls cannot be intercepted: it is linked statically, or does not use libc");
}

/// Some clients, each with several requests. All must get their replies.
void converse(examination& examination) {
    for (std::size_t number = 0; number != 3; ++number) {
        auto client = examination.connect();
        if (!examination.profile().takes_requests) {
            client.receive_all();
            continue;
        }
        for (const std::size_t size : {20, 300, 1500}) examination.exchange(client, number, size);
    }
}

/// Says how often the fault came; skips the check if it never did.
void expect_failures(examination& examination, const fault_injection& faults, call call, const char* name) {
    if (faults.failures(call) == 0)
        examination.skip(fmt::format("the server has no {} that can fail so", name));
    examination.remark(fmt::format("{} of {} calls", faults.failures(call), faults.calls(call)));
}

/// Returns a number from 1 to 7 that follows from the seed.
std::int64_t small_number(const examination& examination) {
    return static_cast<std::int64_t>(examination.promise().seed % 7) + 1;
}

void reads_in_small_parts(examination& examination) {
    fault_injection faults;
    start_with_injector(examination, faults);
    const auto most = small_number(examination);
    faults.shorten(call::recv, most);
    examination.step(fmt::format("from now on recv() returns at most {} bytes", most));
    converse(examination);
    expect_failures(examination, faults, call::recv, "recv()");
}

void writes_in_small_parts(examination& examination) {
    fault_injection faults;
    start_with_injector(examination, faults);
    const auto most = small_number(examination);
    faults.shorten(call::send, most);
    examination.step(fmt::format("from now on send() takes at most {} bytes", most));
    converse(examination);
    expect_failures(examination, faults, call::send, "send()");
}

/// EINTR as if signals came all the time.
void repeats_interrupted_calls(examination& examination) {
    fault_injection faults;
    start_with_injector(examination, faults);
    std::uint64_t failures = 0;
    for (const auto& [call, name] : {std::pair{call::wait, "poll() or epoll_wait()"},
                                     {call::recv, "recv()"},
                                     {call::send, "send()"},
                                     {call::accept4, "accept()"}}) {
        faults.fail_sporadically(call, EINTR);
        examination.step(fmt::format("from now on a signal interrupts every second {}", name));
        converse(examination);
        failures += faults.failures(call);
        faults.clear();
    }
    if (failures == 0)
        examination.skip("no signal can interrupt it: it has no handlers, or all have SA_RESTART");
    examination.remark(fmt::format("{} calls were interrupted", failures));
}

/// A client that connects, resets and is gone before accept().
void survives_an_aborted_connection(examination& examination) {
    fault_injection faults;
    start_with_injector(examination, faults);
    faults.fail_sporadically(call::accept4, ECONNABORTED);
    examination.step("from now on every second accept() returns ECONNABORTED");
    converse(examination);
    expect_failures(examination, faults, call::accept4, "accept()");
}

void survives_one_lack_of_descriptors(examination& examination) {
    fault_injection faults;
    start_with_injector(examination, faults);
    faults.fail(call::accept4, EMFILE);
    examination.step("the next accept() returns EMFILE, once");
    converse(examination);
    expect_failures(examination, faults, call::accept4, "accept()");
}

/// The client for which there is no process or thread is lost, or is served later; no other one is.
void survives_without_a_worker(examination& examination) {
    fault_injection faults;
    start_with_injector(examination, faults);
    for (const auto& [call, name] :
         {std::pair{call::fork, "fork()"}, {call::pthread_create, "pthread_create()"}}) {
        faults.fail(call, EAGAIN);
        examination.step(fmt::format("the next {} returns EAGAIN, once", name));
        auto lost = examination.connect_only();
        if (examination.profile().takes_requests)
            lost.send_some(examination.profile().request(0, 20), milliseconds{0});
        examination.eventually([&] { return lost.has_input() || faults.failures(call) > 0; },
                               milliseconds{500});
        if (!examination.eventually([&] { return lost.has_input(); }, examination.limit()))
            examination.fail_late(
                fmt::format("after {} failed, its client gets no reply and no end of input", name));
        lost.close();
        converse(examination);
    }
    if (faults.failures(call::fork) + faults.failures(call::pthread_create) == 0)
        examination.skip("it starts no process or thread for a client");
}

/// What succeeds may change errno as well: errno belongs to the last call that failed.
void keeps_errno(examination& examination) {
    fault_injection faults;
    start_with_injector(examination, faults);
    faults.fail(call::errno_after, ENOTTY, 1, fault_injection::forever);
    faults.fail_sporadically(call::accept4, ECONNABORTED); // so that there is an errno to be read
    examination.step("from now on printf(), close() and others set errno to ENOTTY; accept() fails at times");
    converse(examination);
    expect_failures(examination, faults, call::errno_after, "printf() or close()");
}

constexpr std::array<server_check, 7> injection_table{{
    {"short-reads", "the server copes with reads of some bytes", level::quick, "short-read",
     reads_in_small_parts, nullptr, true, 60, true},
    {"short-writes", "the server copes with writes of some bytes", level::quick, "short-write",
     writes_in_small_parts, nullptr, true, 60, true},
    {"interrupted-calls", "the server repeats calls that a signal interrupts", level::quick, "interrupted",
     repeats_interrupted_calls, nullptr, true, 60, true},
    {"aborted-accept", "a connection that is aborted before accept does no harm", level::quick, "accept-error",
     survives_an_aborted_connection, nullptr, true, 60, true},
    {"accept-emfile", "after one lack of descriptors the server accepts again", level::quick, "accept-error",
     survives_one_lack_of_descriptors, nullptr, true, 60, true},
    {"no-worker", "if no process or thread can be started, only that client is lost", level::quick, "no-worker",
     survives_without_a_worker, nullptr, true, 60, true},
    {"stale-errno", "errno is read before another call changes it", level::quick, "stale-errno", keeps_errno,
     nullptr, true, 60, true},
}};

} // namespace

std::span<const server_check> injection_checks() { return injection_table; }

} // namespace parley
