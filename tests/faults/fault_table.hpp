// Which system calls of a server shall fail, and how: a table in a file that the test and the injector, inside
// of the server and all its processes, have both mapped. So a test arms a fault whenever it likes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace parley::faults {

/// What can be made to fail, and what is only counted (wait: poll(2), epoll_wait(2)).
enum class call : std::size_t {
    accept4,
    recv,  // and read, recvfrom, recvmsg
    send,  // and sendto, sendmsg
    write, // to anything that is no socket: events, the log
    fork,  // and vfork
    pthread_create,
    epoll_ctl,
    wait,
    setsockopt,
    getpeername,
    mmap,
    io_uring_enter, // io_uring_submit and its like, which liburing exports; its calls themselves are inlined
    operator_new,
};
constexpr std::size_t calls = static_cast<std::size_t>(call::operator_new) + 1;

/// From the call number `first` (1: the next one; 0: never) on, `count` calls go wrong: with `error`, or, where
/// that is 0, they carry at most `most` bytes, or, where `most` is negative, so many fewer than they were asked
/// to.
struct rule {
    std::atomic<std::uint64_t> first;
    std::atomic<std::uint64_t> count;
    std::atomic<int> error;
    std::atomic<std::int64_t> most;

    std::atomic<std::uint64_t> seen;  // calls since it was armed
    std::atomic<std::uint64_t> wrong; // of these, went wrong
};

using table = std::array<rule, calls>;
static_assert(std::atomic<std::uint64_t>::is_always_lock_free); // it stands in shared memory

/// Names the file to the injector.
constexpr const char* variable = "PARLEY_FAULTS";

} // namespace parley::faults
