// Tests of failing system calls and failing memory allocation in every model, through the real server. A
// failure costs at most its own client: nothing else is lost, no loop spins, and the service continues.
#include "common/process/process_usage.hpp"
#include "tests/faults/faulty_server.hpp"

#include <doctest/doctest.h>

namespace parley {

namespace {

using faults::call;
using std::chrono::steady_clock;

/// Which client may fail because of the fault.
enum class costs { no_client, its_client };

/// Lets `count` calls of `which` fail with `error`, from the `first` on. If `error` is 0, all calls are
/// shortened.
struct fault {
    std::string_view name;
    faults::call call;
    int error = 0;
    std::uint64_t first = 1, count = 1;
    costs cost = costs::no_client;
    std::int64_t max_bytes = 0;
};

constexpr fault faults_of_service[] = {
    {"a client that has gone before it is accepted", call::accept4, ECONNABORTED, 1, 3},
    {"an accept that the network breaks", call::accept4, EPROTO, 1, 2},
    {"an accept that a signal interrupts", call::accept4, EINTR, 1, 3},
    {"no descriptors left for a while", call::accept4, EMFILE, 1, 2},
    {"no memory for a socket", call::accept4, ENOMEM, 1, 1},
    {"a first read that fails", call::recv, ENOMEM, 1, 1, costs::its_client},
    {"a later read that fails", call::recv, ETIMEDOUT, 3, 1, costs::its_client},
    {"reads that are interrupted", call::recv, EINTR, 1, 2},
    {"reads of a byte", call::recv, 0, 1, 0, costs::no_client, 1},
    {"reads of a byte less", call::recv, 0, 1, 0, costs::no_client, -1},
    {"a first write that fails", call::send, ENOBUFS, 1, 1, costs::its_client},
    {"a later write that fails", call::send, EPIPE, 2, 1, costs::its_client},
    {"writes that are interrupted", call::send, EINTR, 1, 2},
    {"writes of a byte", call::send, 0, 1, 0, costs::no_client, 1},
    {"writes of a byte less", call::send, 0, 1, 0, costs::no_client, -1},
    {"no process to be had", call::fork, EAGAIN, 1, 2},
    {"no memory for a process", call::fork, ENOMEM, 1, 1},
    {"no thread to be had", call::pthread_create, EAGAIN, 1, 2},
    {"a wait that is interrupted", call::wait, EINTR, 1, 3},
    {"no memory to watch a socket", call::epoll_ctl, ENOMEM, 1, 1, costs::its_client},
    {"no more sockets may be watched", call::epoll_ctl, ENOSPC, 1, 2, costs::its_client},
    {"a later socket that cannot be watched", call::epoll_ctl, ENOMEM, 2, 1, costs::its_client},
    {"a socket without options", call::setsockopt, EINVAL, 1, 1, costs::its_client},
    {"a socket without a peer", call::getpeername, ENOTCONN, 1, 1},
    {"a ring that is interrupted", call::io_uring_enter, EINTR, 1, 2},
    {"a ring that is busy", call::io_uring_enter, EBUSY, 1, 2},
    {"a ring without resources", call::io_uring_enter, EAGAIN, 1, 2},
    {"a ring without memory", call::io_uring_enter, ENOMEM, 2, 1},
};

/// The errors of io_uring operations cannot be chosen, so any injected error ends the connection.
costs cost_of(const fault& fault, const model_variant& variant) {
    const bool is_operation = fault.call == call::recv || fault.call == call::send;
    return variant.model == "uring" && is_operation && fault.error != 0 ? costs::its_client : fault.cost;
}

/// Returns the number of lines in the log.
std::ptrdiff_t log_lines(faulty_server& faulty) {
    const auto text = faulty.server.process().error_output();
    return std::ranges::count(text, '\n');
}

} // namespace

TEST_CASE("a call that fails costs its client at the most") {
    for_each_variant([](const model_variant& variant) {
        faulty_server faulty{variant};
        const auto run_all_faults = [&] {
            for (const auto& fault : faults_of_service) {
                INFO(fault.name);
                if (fault.error != 0)
                    faulty.injected.fail(fault.call, fault.error, fault.first, fault.count);
                else
                    faulty.injected.shorten(fault.call, fault.max_bytes);
                const auto problems = faulty.serves();
                if (cost_of(fault, variant) == costs::no_client) CHECK(problems == "");
                faulty.injected.clear();
                CHECK(faulty.serves(2) == "");
            }
        };
        run_all_faults(); // now the server has opened every descriptor that it needs
        const auto before = faulty.descriptors();
        run_all_faults();
        CHECK(eventually([&] { return faulty.descriptors() <= before; }));
        CHECK(faulty.server.shutdown_problems() == "");
    });
}

TEST_CASE("memory that is not there costs its client at the most") {
    for_each_variant([](const model_variant& variant) {
        for (const std::string_view offered : {"hello", "pi"}) { // pi also uses other threads
            faulty_server faulty{variant, "off", offered};
            CHECK(faulty.serves(4) == "");
            std::uint64_t failures = 0;
            for (std::uint64_t first = 1; first != 25; ++first) {
                for (const std::uint64_t count : {1, 6}) {
                    INFO(offered, ": operator new ", first, " fails ", count, " times");
                    faulty.injected.fail(call::operator_new, ENOMEM, first, count);
                    faulty.serves();
                    failures += faulty.injected.failures(call::operator_new);
                    faulty.injected.clear();
                    CHECK(faulty.serves() == "");
                }
            }
            CHECK(failures > 0);
            CHECK(faulty.server.shutdown_problems() == "");
        }
    });
}

TEST_CASE("what fails for ever is tried now and then: no spin, and no flood in the log") {
    struct {
        std::string_view name;
        faults::call call;
        int error;
    } const shortages[] = {
        {"no descriptors", call::accept4, EMFILE},
        {"no processes", call::fork, EAGAIN},
        {"no threads", call::pthread_create, EAGAIN},
    };
    for_each_variant([&](const model_variant& variant) {
        for (const auto& shortage : shortages) {
            INFO(shortage.name);
            faulty_server faulty{variant, "warn"};
            CHECK(faulty.serves() == "");
            const auto pid = faulty.server.process().pid();
            faulty.injected.fail(shortage.call, shortage.error, 1, fault_injection::forever);
            auto waiting = connect_to(faulty.server.endpoint());
            send_all(waiting, "Ada\n");
            const auto failures = [&] { return faulty.injected.failures(shortage.call); };
            // A model that does not make this call serves as before.
            CHECK(eventually(
                [&] { return failures() >= 2 || waiting.is_readable_within(std::chrono::milliseconds{0}); }));
            if (failures() == 0) continue;
            const auto calls = faulty.injected.system_calls(), failed = failures();
            const auto begin = steady_clock::now();
            const auto cpu_before = cpu_time_of(pid);
            CHECK(eventually([&] { return failures() >= failed + 3; }));
            const auto tries = failures() - failed;
            const auto time = steady_clock::now() - begin;
            CHECK(faulty.injected.system_calls() - calls <= 12 * tries + 20);
            // Each of at most four workers tries once per back-off time.
            CHECK(tries <= 4 * (static_cast<std::uint64_t>(time / listener::accept_backoff) + 2));
            CHECK(4 * (cpu_time_of(pid) - cpu_before) <= time);
            faulty.injected.clear();
            CHECK(read_line(waiting).starts_with("Hello, Ada"));
            const auto seconds = std::chrono::ceil<std::chrono::seconds>(steady_clock::now() - begin).count();
            CHECK(log_lines(faulty) <= 4 * (seconds + 1));
            CHECK(faulty.server.stop().end.to_string() == "exit code 0");
        }
    });
}

} // namespace parley
