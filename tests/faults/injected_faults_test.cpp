// System calls and memory that fail, in every model, through the real server: what fails costs the client that
// it was for, at the most; nothing is lost, nothing spins, and the service goes on.
#include "common/process/process_usage.hpp"
#include "tests/faults/faulty_server.hpp"

#include <doctest/doctest.h>

namespace parley {

namespace {

using faults::call;
using std::chrono::steady_clock;

/// Who is served while it fails.
enum class costs { nobody, its_client };

/// From the `first` call on, `count` calls of `which` fail with `error`; where that is 0, they are all
/// shortened.
struct fault {
    std::string_view name;
    call which;
    int error = 0;
    std::uint64_t first = 1, count = 1;
    costs price = costs::nobody;
    std::int64_t most = 0;
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
    {"reads of a byte", call::recv, 0, 1, 0, costs::nobody, 1},
    {"reads of a byte less", call::recv, 0, 1, 0, costs::nobody, -1},
    {"a first write that fails", call::send, ENOBUFS, 1, 1, costs::its_client},
    {"a later write that fails", call::send, EPIPE, 2, 1, costs::its_client},
    {"writes that are interrupted", call::send, EINTR, 1, 2},
    {"writes of a byte", call::send, 0, 1, 0, costs::nobody, 1},
    {"writes of a byte less", call::send, 0, 1, 0, costs::nobody, -1},
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

/// The errors of a ring's operations cannot be chosen: whatever is to go wrong with them ends the connection.
costs price_of(const fault& each, const model_variant& how) {
    const bool is_operation = each.which == call::recv || each.which == call::send;
    return how.model == "uring" && is_operation && each.error != 0 ? costs::its_client : each.price;
}

/// Lines in the log so far.
std::ptrdiff_t log_lines(faulty_server& of) {
    const auto text = of.server.process().error_output();
    return std::ranges::count(text, '\n');
}

} // namespace

TEST_CASE("a call that fails costs its client at the most") {
    for_each_form([](const model_variant& how) {
        faulty_server tried{how};
        const auto suffer_all = [&] {
            for (const auto& each : faults_of_service) {
                INFO(each.name);
                if (each.error != 0)
                    tried.injected.fail(each.which, each.error, each.first, each.count);
                else
                    tried.injected.shorten(each.which, each.most);
                const auto complaint = tried.serves();
                if (price_of(each, how) == costs::nobody) CHECK(complaint == "");
                tried.injected.clear();
                CHECK(tried.serves(2) == "");
            }
        };
        suffer_all(); // now it has all the descriptors that it will ever need
        const auto before = tried.descriptors();
        suffer_all();
        CHECK(in_time([&] { return tried.descriptors() <= before; }));
        CHECK(tried.server.shutdown_problems() == "");
    });
}

TEST_CASE("memory that is not there costs its client at the most") {
    for_each_form([](const model_variant& how) {
        for (const std::string_view offered : {"hello", "pi"}) { // pi has work for other threads
            faulty_server tried{how, "off", offered};
            CHECK(tried.serves(4) == "");
            std::uint64_t wrong = 0;
            for (std::uint64_t first = 1; first != 25; ++first) {
                for (const std::uint64_t count : {1, 6}) {
                    INFO(offered, ": operator new ", first, " fails ", count, " times");
                    tried.injected.fail(call::operator_new, ENOMEM, first, count);
                    tried.serves();
                    wrong += tried.injected.wrong(call::operator_new);
                    tried.injected.clear();
                    CHECK(tried.serves() == "");
                }
            }
            CHECK(wrong > 0);
            CHECK(tried.server.shutdown_problems() == "");
        }
    });
}

TEST_CASE("what fails for ever is tried now and then: no spin, and no flood in the log") {
    struct {
        std::string_view name;
        call which;
        int error;
    } const shortages[] = {
        {"no descriptors", call::accept4, EMFILE},
        {"no processes", call::fork, EAGAIN},
        {"no threads", call::pthread_create, EAGAIN},
    };
    for_each_form([&](const model_variant& how) {
        for (const auto& each : shortages) {
            INFO(each.name);
            faulty_server tried{how, "warn"};
            CHECK(tried.serves() == "");
            const auto pid = tried.server.process().pid();
            tried.injected.fail(each.which, each.error, 1, fault_injection::for_ever);
            auto waiting = connect_to(tried.server.endpoint());
            send_all(waiting, "Ada\n");
            const auto failures = [&] { return tried.injected.wrong(each.which); };
            // A model that does not make this call serves as ever.
            CHECK(in_time(
                [&] { return failures() >= 2 || waiting.is_readable_within(std::chrono::milliseconds{0}); }));
            if (failures() == 0) continue;
            const auto calls = tried.injected.system_calls(), failed = failures();
            const auto begin = steady_clock::now();
            const auto worked = cpu_time_of(pid);
            CHECK(in_time([&] { return failures() >= failed + 3; }));
            const auto tries = failures() - failed;
            const auto time = steady_clock::now() - begin;
            CHECK(tried.injected.system_calls() - calls <= 12 * tries + 20);
            // Each of at most four workers tries once in a breath.
            CHECK(tries <= 4 * (static_cast<std::uint64_t>(time / listener::accept_backoff) + 2));
            CHECK(4 * (cpu_time_of(pid) - worked) <= time);
            tried.injected.clear();
            CHECK(read_line(waiting).starts_with("Hello, Ada"));
            const auto seconds = std::chrono::ceil<std::chrono::seconds>(steady_clock::now() - begin).count();
            CHECK(log_lines(tried) <= 4 * (seconds + 1));
            CHECK(tried.server.stop().end.to_string() == "exit code 0");
        }
    });
}

} // namespace parley
