// A library between a server under test and libc (LD_PRELOAD, ld.so(8)). It lets system calls fail as the
// fault table says, knows nothing of parley, and passes all other calls on.
#include "tests/faults/fault_table.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/// Counts the call. Returns the rule if the call is to fail or to be shortened, otherwise null.
const rule* fault_in(call call) {
    if (!table) return nullptr;
    auto& rule = (*table)[static_cast<std::size_t>(call)];
    const auto number = ++rule.call_count;
    const auto first = rule.first.load();
    if (first == 0 || number < first || number - first >= rule.count) return nullptr;
    ++rule.failure_count;
    return &rule;
}

/// For calls without a byte count. Returns true with errno set if the call is to fail.
bool fails(call call) {
    const auto* const fault = fault_in(call);
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

/// For calls that transfer bytes. Returns -1 with errno set if the call is to fail, otherwise the permitted
/// size.
ssize_t allowance(call call, std::size_t size) {
    const auto* const fault = fault_in(call);
    if (!fault) return static_cast<ssize_t>(size);
    errno = fault->error;
    return fault->error != 0 ? -1 : static_cast<ssize_t>(shortened(size, *fault));
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
        const auto allowed = allowance(receives ? call::recv : call::send, entry.len);
        if (allowed < 0)
            entry.fd = -1; // the error cannot be chosen: the kernel returns EBADF
        else
            entry.len = static_cast<unsigned>(allowed);
    }
}

} // namespace

extern "C" {

int accept4(int endpoint, sockaddr* peer, socklen_t* size, int flags) {
    return fails(call::accept4) ? -1 : NEXT(accept4)(endpoint, peer, size, flags);
}

ssize_t recv(int socket, void* buffer, std::size_t size, int flags) {
    const auto allowed = allowance(call::recv, size);
    return allowed < 0 ? -1 : NEXT(recv)(socket, buffer, static_cast<std::size_t>(allowed), flags);
}

ssize_t recvfrom(int socket, void* buffer, std::size_t size, int flags, sockaddr* peer, socklen_t* peer_size) {
    return fails(call::recv) ? -1 : NEXT(recvfrom)(socket, buffer, size, flags, peer, peer_size);
}

ssize_t recvmsg(int socket, msghdr* message, int flags) {
    return fails(call::recv) ? -1 : NEXT(recvmsg)(socket, message, flags);
}

ssize_t send(int socket, const void* bytes, std::size_t size, int flags) {
    const auto allowed = allowance(call::send, size);
    return allowed < 0 ? -1 : NEXT(send)(socket, bytes, static_cast<std::size_t>(allowed), flags);
}

ssize_t sendto(int socket, const void* bytes, std::size_t size, int flags, const sockaddr* peer,
               socklen_t peer_size) {
    return fails(call::send) ? -1 : NEXT(sendto)(socket, bytes, size, flags, peer, peer_size);
}

ssize_t sendmsg(int socket, const msghdr* message, int flags) {
    return fails(call::send) ? -1 : NEXT(sendmsg)(socket, message, flags);
}

ssize_t read(int descriptor, void* buffer, std::size_t size) {
    const bool exempt = !table || !is_socket(descriptor);
    const auto allowed = exempt ? static_cast<ssize_t>(size) : allowance(call::recv, size);
    return allowed < 0 ? -1 : NEXT(read)(descriptor, buffer, static_cast<std::size_t>(allowed));
}

ssize_t write(int descriptor, const void* bytes, std::size_t size) {
    const auto allowed = allowance(table && is_socket(descriptor) ? call::send : call::write, size);
    return allowed < 0 ? -1 : NEXT(write)(descriptor, bytes, static_cast<std::size_t>(allowed));
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
    return fails(call::wait) ? -1 : NEXT(epoll_wait)(epoll, events, most, time);
}

int poll(pollfd* descriptors, nfds_t count, int time) {
    return fails(call::wait) ? -1 : NEXT(poll)(descriptors, count, time);
}

int setsockopt(int socket, int level, int option, const void* value, socklen_t size) noexcept {
    return fails(call::setsockopt) ? -1 : NEXT(setsockopt)(socket, level, option, value, size);
}

int getpeername(int socket, sockaddr* peer, socklen_t* size) noexcept {
    return fails(call::getpeername) ? -1 : NEXT(getpeername)(socket, peer, size);
}

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
