// A library between a server and libc (LD_PRELOAD, ld.so(8)). It lets system calls fail as the fault table
// says, knows nothing of parley, and passes all other calls on.
#include "client/check/inject/fault_table.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using parley::faults::call;
using parley::faults::rule;

constinit parley::faults::table* table = nullptr; // null until the table is mapped: nothing fails before

/// Maps the table with the raw system call, since mmap() below could fail by injection.
[[gnu::constructor]] void map_table() {
    const char* const path = std::getenv(parley::faults::variable);
    if (!path) return;
    const int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) std::abort();
    const long memory = syscall(SYS_mmap, nullptr, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == -1) std::abort();
    table = reinterpret_cast<parley::faults::table*>(memory);
    close(file);
}

/// True if a call of this thread may return EINTR (signal(7)): a handler is installed, and its signal is not
/// blocked. Signals that end a program do not count: after them, EINTR means its end. `restarts`: the call is
/// one that SA_RESTART continues.
bool has_interrupting_handler(bool restarts) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT) continue;
        struct sigaction action;
        if (sigaction(number, nullptr, &action) != 0 || sigismember(&blocked, number) == 1) continue;
        const bool is_handled = action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
        if (is_handled && !(restarts && (action.sa_flags & SA_RESTART) != 0)) return true;
    }
    return false;
}

/// What is known of a call that may fail: whether it is epoll_wait(2), and whether it can block.
struct call_kind {
    bool is_epoll = false;
    bool can_block = true;
};

/// True if a right program must expect the failure. epoll_wait(2) fails with EINTR also after SIGSTOP and
/// SIGCONT, without any handler.
bool is_possible(call call, int error, call_kind kind) {
    if (error != EINTR) return true;
    return kind.can_block && (kind.is_epoll || has_interrupting_handler(call != parley::faults::call::wait));
}

/// True for about every second number, without a period that a loop of the program could have as well: the
/// fractional parts of multiples of the golden ratio.
bool is_drawn(std::uint64_t number) { return number * 0x9E3779B97F4A7C15 >> 63 == 0; }

/// Counts the call. Returns the rule if the call is to fail or to be shortened, otherwise null.
const rule* fault_in(call call, call_kind kind = {}) {
    if (!table) return nullptr;
    auto& rule = (*table)[static_cast<std::size_t>(call)];
    const auto number = ++rule.call_count;
    const auto first = rule.first.load();
    if (first == 0 || number < first || number - first >= rule.count) return nullptr;
    if (rule.is_sporadic && !(is_drawn(number - first) && is_possible(call, rule.error, kind))) return nullptr;
    ++rule.failure_count;
    return &rule;
}

bool is_blocking(int descriptor, int flags = 0) {
    return (flags & MSG_DONTWAIT) == 0 && (fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0;
}

/// For calls without a byte count. Returns true with errno set if the call is to fail.
bool fails(call call, call_kind kind = {}) {
    const auto* const fault = fault_in(call, kind);
    if (!fault || fault->error == 0) return false;
    errno = fault->error;
    return true;
}

/// Returns how many of `size` bytes the call may transfer.
std::size_t shortened(std::size_t size, const rule& fault) {
    const auto most = fault.max_bytes.load();
    if (most < 0) return size > static_cast<std::size_t>(-most) ? size + static_cast<std::size_t>(most) : size;
    return std::min(size, static_cast<std::size_t>(most));
}

/// True for TCP: of other sockets a right program may expect whole messages.
bool is_stream(int descriptor) {
    int domain = 0, type = 0;
    socklen_t size = sizeof type;
    return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
           getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           (domain == AF_INET || domain == AF_INET6);
}

/// For calls that transfer bytes. Returns -1 with errno set if the call is to fail, otherwise the permitted
/// size. With MSG_WAITALL or MSG_PEEK that is all.
ssize_t allowance(call call, int socket, std::size_t size, int flags = 0) {
    const auto* const fault = fault_in(call, {.can_block = socket >= 0 && is_blocking(socket, flags)});
    if (!fault) return static_cast<ssize_t>(size);
    if (fault->error != 0) {
        errno = fault->error;
        return -1;
    }
    if ((flags & (MSG_WAITALL | MSG_PEEK)) != 0 || (socket >= 0 && !is_stream(socket)))
        return static_cast<ssize_t>(size);
    return static_cast<ssize_t>(shortened(size, *fault));
}

/// The first bytes of several buffers.
struct part_of_buffers {
    part_of_buffers(const iovec* buffers, std::size_t count, std::size_t bytes) {
        for (std::size_t i = 0; i != count && bytes > 0 && used != static_cast<int>(parts.size()); ++i) {
            auto& part = parts[static_cast<std::size_t>(used++)];
            part = {buffers[i].iov_base, std::min(buffers[i].iov_len, bytes)};
            bytes -= part.iov_len;
        }
    }
    std::array<iovec, 16> parts;
    int used = 0;
};

std::size_t size_of(const iovec* buffers, std::size_t count) {
    std::size_t size = 0;
    for (std::size_t i = 0; i != count; ++i) size += buffers[i].iov_len;
    return size;
}

/// Changes errno after a call that succeeded.
template <class Result>
Result with_other_errno(Result result) {
    if (const auto* const fault = fault_in(call::errno_after)) errno = fault->error;
    return result;
}

bool is_socket(int descriptor) {
    int type;
    socklen_t size = sizeof type;
    return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

/// Returns the next function of that name in the library order: libc's or the sanitizer's.
template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

#define NEXT(name) (next<decltype(::name)>(#name))

/// Applies the rules for recv and send to the operations of the ring that are about to be submitted.
void inject_into_operations(io_uring* ring) {
    auto& queue = ring->sq;
    for (unsigned i = queue.sqe_head; i != queue.sqe_tail; ++i) {
        auto& entry = queue.sqes[i & *queue.kring_mask];
        const bool receives = entry.opcode == IORING_OP_RECV;
        if (!receives && entry.opcode != IORING_OP_SEND) continue;
        const auto allowed = allowance(receives ? call::recv : call::send, -1, entry.len);
        if (allowed < 0)
            entry.fd = -1; // the error cannot be chosen: the kernel returns EBADF
        else
            entry.len = static_cast<unsigned>(allowed);
    }
}

} // namespace

extern "C" {

int accept4(int endpoint, sockaddr* peer, socklen_t* size, int flags) {
    return fails(call::accept4, {.can_block = is_blocking(endpoint)})
               ? -1
               : NEXT(accept4)(endpoint, peer, size, flags);
}

int accept(int endpoint, sockaddr* peer, socklen_t* size) {
    return fails(call::accept4, {.can_block = is_blocking(endpoint)}) ? -1 : NEXT(accept)(endpoint, peer, size);
}

ssize_t recv(int socket, void* buffer, std::size_t size, int flags) {
    const auto allowed = allowance(call::recv, socket, size, flags);
    return allowed < 0 ? -1 : NEXT(recv)(socket, buffer, static_cast<std::size_t>(allowed), flags);
}

ssize_t recvfrom(int socket, void* buffer, std::size_t size, int flags, sockaddr* peer, socklen_t* peer_size) {
    const auto allowed = allowance(call::recv, socket, size, flags);
    return allowed < 0
               ? -1
               : NEXT(recvfrom)(socket, buffer, static_cast<std::size_t>(allowed), flags, peer, peer_size);
}

ssize_t recvmsg(int socket, msghdr* message, int flags) {
    const auto size = size_of(message->msg_iov, message->msg_iovlen);
    const auto allowed = allowance(call::recv, socket, size, flags);
    if (allowed < 0) return -1;
    if (static_cast<std::size_t>(allowed) == size) return NEXT(recvmsg)(socket, message, flags);
    part_of_buffers part{message->msg_iov, message->msg_iovlen, static_cast<std::size_t>(allowed)};
    const auto whole = *message;
    message->msg_iov = part.parts.data();
    message->msg_iovlen = static_cast<std::size_t>(part.used);
    const auto received = NEXT(recvmsg)(socket, message, flags);
    message->msg_iov = whole.msg_iov;
    message->msg_iovlen = whole.msg_iovlen;
    return received;
}

ssize_t send(int socket, const void* bytes, std::size_t size, int flags) {
    const auto allowed = allowance(call::send, socket, size, flags);
    return allowed < 0 ? -1 : NEXT(send)(socket, bytes, static_cast<std::size_t>(allowed), flags);
}

ssize_t sendto(int socket, const void* bytes, std::size_t size, int flags, const sockaddr* peer,
               socklen_t peer_size) {
    const auto allowed = allowance(call::send, socket, size, flags);
    return allowed < 0 ? -1
                       : NEXT(sendto)(socket, bytes, static_cast<std::size_t>(allowed), flags, peer, peer_size);
}

ssize_t sendmsg(int socket, const msghdr* message, int flags) {
    const auto size = size_of(message->msg_iov, message->msg_iovlen);
    const auto allowed = allowance(call::send, socket, size, flags);
    if (allowed < 0) return -1;
    if (static_cast<std::size_t>(allowed) == size) return NEXT(sendmsg)(socket, message, flags);
    part_of_buffers part{message->msg_iov, message->msg_iovlen, static_cast<std::size_t>(allowed)};
    auto shorter = *message;
    shorter.msg_iov = part.parts.data();
    shorter.msg_iovlen = static_cast<std::size_t>(part.used);
    return NEXT(sendmsg)(socket, &shorter, flags);
}

ssize_t readv(int descriptor, const iovec* buffers, int count) {
    if (!table || !is_socket(descriptor)) return NEXT(readv)(descriptor, buffers, count);
    const auto size = size_of(buffers, static_cast<std::size_t>(count));
    const auto allowed = allowance(call::recv, descriptor, size);
    if (allowed < 0) return -1;
    if (static_cast<std::size_t>(allowed) == size) return NEXT(readv)(descriptor, buffers, count);
    const part_of_buffers part{buffers, static_cast<std::size_t>(count), static_cast<std::size_t>(allowed)};
    return NEXT(readv)(descriptor, part.parts.data(), part.used);
}

ssize_t writev(int descriptor, const iovec* buffers, int count) {
    if (!table || !is_socket(descriptor)) return NEXT(writev)(descriptor, buffers, count);
    const auto size = size_of(buffers, static_cast<std::size_t>(count));
    const auto allowed = allowance(call::send, descriptor, size);
    if (allowed < 0) return -1;
    if (static_cast<std::size_t>(allowed) == size) return NEXT(writev)(descriptor, buffers, count);
    const part_of_buffers part{buffers, static_cast<std::size_t>(count), static_cast<std::size_t>(allowed)};
    return NEXT(writev)(descriptor, part.parts.data(), part.used);
}

ssize_t read(int descriptor, void* buffer, std::size_t size) {
    const bool exempt = !table || !is_socket(descriptor);
    const auto allowed = exempt ? static_cast<ssize_t>(size) : allowance(call::recv, descriptor, size);
    return allowed < 0 ? -1 : NEXT(read)(descriptor, buffer, static_cast<std::size_t>(allowed));
}

ssize_t write(int descriptor, const void* bytes, std::size_t size) {
    const bool sends = table && is_socket(descriptor);
    const auto allowed = allowance(sends ? call::send : call::write, sends ? descriptor : -1, size);
    if (allowed < 0) return -1;
    const auto written = NEXT(write)(descriptor, bytes, static_cast<std::size_t>(allowed));
    return written < 0 || sends ? written : with_other_errno(written);
}

pid_t fork() noexcept { return fails(call::fork) ? -1 : NEXT(fork)(); }

/// A real vfork(2) would let the child return from this frame before the parent does, and corrupt it.
pid_t vfork() noexcept { return fork(); }

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                   void* argument) noexcept {
    return fails(call::pthread_create) ? errno : NEXT(pthread_create)(thread, attributes, run, argument);
}

int epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) noexcept {
    return fails(call::epoll_ctl) ? -1 : NEXT(epoll_ctl)(epoll, operation, descriptor, event);
}

int epoll_wait(int epoll, epoll_event* events, int most, int time) {
    return fails(call::wait, {.is_epoll = true, .can_block = time != 0})
               ? -1
               : NEXT(epoll_wait)(epoll, events, most, time);
}

int epoll_pwait(int epoll, epoll_event* events, int most, int time, const sigset_t* mask) {
    return fails(call::wait, {.is_epoll = true, .can_block = time != 0})
               ? -1
               : NEXT(epoll_pwait)(epoll, events, most, time, mask);
}

int select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* time) {
    return fails(call::wait, {.can_block = !time || time->tv_sec != 0 || time->tv_usec != 0})
               ? -1
               : NEXT(select)(count, readable, writable, exceptional, time);
}

int poll(pollfd* descriptors, nfds_t count, int time) {
    return fails(call::wait, {.can_block = time != 0}) ? -1 : NEXT(poll)(descriptors, count, time);
}

int setsockopt(int socket, int level, int option, const void* value, socklen_t size) noexcept {
    if (fails(call::setsockopt)) return -1;
    const auto result = NEXT(setsockopt)(socket, level, option, value, size);
    return result == 0 ? with_other_errno(result) : result;
}

int getpeername(int socket, sockaddr* peer, socklen_t* size) noexcept {
    return fails(call::getpeername) ? -1 : NEXT(getpeername)(socket, peer, size);
}

int close(int descriptor) {
    const auto result = NEXT(close)(descriptor);
    return result == 0 ? with_other_errno(result) : result;
}

// Output of stdio: printf(3) and others set errno also if they succeed, for example to ENOTTY if they ask
// whether the output is a terminal.

int puts(const char* text) { return with_other_errno(NEXT(puts)(text)); }

int fputs(const char* text, FILE* file) { return with_other_errno(NEXT(fputs)(text, file)); }

int putchar(int c) { return with_other_errno(NEXT(putchar)(c)); }

int fputc(int c, FILE* file) { return with_other_errno(NEXT(fputc)(c, file)); }

std::size_t fwrite(const void* bytes, std::size_t size, std::size_t count, FILE* file) {
    return with_other_errno(NEXT(fwrite)(bytes, size, count, file));
}

int fflush(FILE* file) { return with_other_errno(NEXT(fflush)(file)); }

void perror(const char* text) {
    NEXT(perror)(text);
    with_other_errno(0);
}

#define PRINT(file, format)                                                                                    \
    va_list arguments;                                                                                         \
    va_start(arguments, format);                                                                               \
    const int printed = vfprintf(file, format, arguments);                                                     \
    va_end(arguments);                                                                                         \
    return with_other_errno(printed)

int printf(const char* format, ...) { PRINT(stdout, format); }

int fprintf(FILE* file, const char* format, ...) { PRINT(file, format); }

// What these become with _FORTIFY_SOURCE.
int __printf_chk(int, const char* format, ...) { PRINT(stdout, format); }

int __fprintf_chk(FILE* file, int, const char* format, ...) { PRINT(file, format); }

void* mmap(void* address, std::size_t size, int protection, int flags, int file, off_t offset) noexcept {
    return fails(call::mmap) ? MAP_FAILED : NEXT(mmap)(address, size, protection, flags, file, offset);
}

int io_uring_submit(io_uring* ring) {
    if (fails(call::io_uring_enter)) return -errno;
    inject_into_operations(ring);
    return NEXT(io_uring_submit)(ring);
}

int io_uring_submit_and_wait(io_uring* ring, unsigned count) {
    if (fails(call::io_uring_enter)) return -errno;
    inject_into_operations(ring);
    return NEXT(io_uring_submit_and_wait)(ring, count);
}

int io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                     __kernel_timespec* time, sigset_t* signals) {
    if (fails(call::io_uring_enter)) return -errno;
    inject_into_operations(ring);
    return NEXT(io_uring_submit_and_wait_timeout)(ring, first, count, time, signals);
}

} // extern "C"

// Failing memory allocation. Successful ones come from the next operator new, which a sanitizer may have
// replaced, and are freed by its operator delete, which this library does not replace.

void* operator new(std::size_t size) {
    if (fails(call::operator_new)) throw std::bad_alloc{};
    return next<void*(std::size_t)>("_Znwm")(size);
}

void* operator new[](std::size_t size) {
    if (fails(call::operator_new)) throw std::bad_alloc{};
    return next<void*(std::size_t)>("_Znam")(size);
}
