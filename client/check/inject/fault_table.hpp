// The table of faults: which system calls of a server fail, and how. It lies in a file that the checker (or the
// test) and the injector in every process of the server have mapped, so a fault can be armed at any time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace parley::faults {

/// The calls that can fail or are counted (wait: poll(2), select(2), epoll_wait(2)).
enum class call : std::size_t {
    accept4, // and accept
    recv,    // and read, readv, recvfrom, recvmsg
    send,    // and sendto, sendmsg, writev
    write,   // to anything but a socket: eventfds, the log
    fork,    // and vfork
    pthread_create,
    epoll_ctl,
    wait,
    setsockopt,
    getpeername,
    mmap,
    // io_uring_submit and similar functions that liburing exports; the system call itself is inlined.
    io_uring_enter,
    operator_new,
    errno_after, // no failure: a call that succeeds, such as printf(3) or close(2), sets errno, as it may
};
constexpr std::size_t calls = static_cast<std::size_t>(call::errno_after) + 1;

/// From call number `first` on (1: the next one, 0: never), `count` calls fail with `error`. If `error` is 0,
/// they transfer at most `max_bytes` bytes, or, if `max_bytes` is negative, that many fewer than requested.
struct rule {
    std::atomic<std::uint64_t> first;
    std::atomic<std::uint64_t> count;
    std::atomic<int> error;
    std::atomic<std::int64_t> max_bytes;

    // About every second of these calls fails, and only if a right program must expect this failure: EINTR of a
    // call that blocks, and that a signal handler of the program can interrupt.
    std::atomic<bool> is_sporadic;

    std::atomic<std::uint64_t> call_count;    // calls since the rule was armed
    std::atomic<std::uint64_t> failure_count; // how many of these failed
};

using table = std::array<rule, calls>;
static_assert(std::atomic<std::uint64_t>::is_always_lock_free); // required in shared memory

/// The environment variable that tells the injector the path of the file.
constexpr const char* variable = "PARLEY_FAULTS";

} // namespace parley::faults
