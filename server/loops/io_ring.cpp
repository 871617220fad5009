#include "server/loops/io_ring.hpp"

#include "common/check.hpp"
#include "common/clock.hpp"

#include <algorithm>
#include <new>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

namespace parley {

namespace {

/// Length of the submission queue. If it is full, next_entry() submits it: so it bounds the batch, not the
/// number of connections.
constexpr unsigned entries = 1024;

/// How often a call is repeated while the kernel is short of resources: with the pause of back_off(), 5 s.
constexpr int max_attempts = 500;

/// DEFER_TASKRUN handles completions in wait() only, instead of interrupting the thread at any system call.
/// CLAMP shortens a queue that the kernel finds too long, instead of refusing it.
constexpr unsigned ring_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CLAMP;

constexpr std::size_t buffer_ring_bytes(unsigned count) { return count * sizeof(io_uring_buf); }

/// Throws if a function of liburing has failed: they return a negated errno.
int checked(std::string_view call, int result) {
    if (result >= 0) return result;
    errno = -result;
    throw_errno(call);
}

/// True if the kernel is short of resources for the moment, and the call should be repeated
/// (io_uring_enter(2)).
bool is_temporary(int result) {
    return result == -EINTR || result == -EAGAIN || result == -EBUSY || result == -ENOMEM;
}

void back_off() { poll(nullptr, 0, 10); }

} // namespace

std::string io_ring::obstacle() {
    try {
        io_ring probe;
        return {};
    } catch (const std::exception& error) {
        return error.what();
    }
}

io_ring::io_ring() {
    checked("io_uring_setup", io_uring_queue_init(entries, &ring_, ring_flags));
    void* const memory = mmap(nullptr, buffer_ring_bytes(max_buffers), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw_errno("mmap", "the ring of buffers");
    provided_ = static_cast<io_uring_buf_ring*>(memory);
    register_buffers();
    add_buffers();
    if (out_of_buffers_) throw_errno("mmap", "the ring's buffers");
    completions_.reserve(*ring_.cq.kring_entries); // wait() then never allocates
}

io_ring::~io_ring() {
    io_uring_queue_exit(&ring_);
    munmap(provided_, buffer_ring_bytes(max_buffers));
}

void io_ring::register_buffers() {
    io_uring_buf_ring_init(provided_);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(provided_);
    registration.ring_entries = max_buffers;
    registration.bgid = group;
    for (int attempt = 0;; ++attempt) {
        const int result = io_uring_register_buf_ring(&ring_, &registration, 0);
        if (!is_temporary(result) || attempt == max_attempts) return void(checked("io_uring_register", result));
        back_off();
    }
}

void io_ring::submit() {
    for (int attempt = 0;; ++attempt) {
        const int result = io_uring_submit(&ring_);
        if (!is_temporary(result) || attempt == max_attempts) return void(checked("io_uring_enter", result));
        back_off();
    }
}

io_uring_sqe* io_ring::next_entry() {
    for (;;) {
        if (auto* const entry = io_uring_get_sqe(&ring_)) return entry;
        submit(); // the queue is full
    }
}

void io_ring::accept(int listening_socket, sockaddr_storage* peer, socklen_t* size, void* tag) {
    auto* const entry = next_entry();
    io_uring_prep_accept(entry, listening_socket, reinterpret_cast<sockaddr*>(peer), size, SOCK_CLOEXEC);
    io_uring_sqe_set_data(entry, tag);
}

void io_ring::receive(int socket, void* tag) {
    auto* const entry = next_entry();
    io_uring_prep_recv(entry, socket, nullptr, 0, 0);
    io_uring_sqe_set_flags(entry, IOSQE_BUFFER_SELECT);
    entry->ioprio |= IORING_RECVSEND_POLL_FIRST; // usually nothing is there yet: the peer waits for the reply
    entry->buf_group = group;
    io_uring_sqe_set_data(entry, tag);
}

void io_ring::send(int socket, std::string_view bytes, void* tag) {
    auto* const entry = next_entry();
    io_uring_prep_send(entry, socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data(entry, tag);
}

void io_ring::pause(int socket, __kernel_timespec* until, void* tag) {
    if (io_uring_sq_space_left(&ring_) < 2) submit(); // linked operations must be submitted together
    auto* const watched = next_entry();
    io_uring_prep_poll_add(watched, socket, POLLHUP | POLLERR);
    io_uring_sqe_set_flags(watched, IOSQE_IO_LINK);
    io_uring_sqe_set_data(watched, tag);
    auto* const limit = next_entry();
    io_uring_prep_link_timeout(limit, until, IORING_TIMEOUT_ABS);
    io_uring_sqe_set_data(limit, nullptr);
}

void io_ring::pause(__kernel_timespec* until, void* tag) {
    auto* const entry = next_entry();
    io_uring_prep_timeout(entry, until, 0, IORING_TIMEOUT_ABS);
    io_uring_sqe_set_data(entry, tag);
}

void io_ring::yield(void* tag) {
    auto* const entry = next_entry();
    io_uring_prep_nop(entry);
    io_uring_sqe_set_data(entry, tag);
}

void io_ring::watch(int descriptor, void* tag) {
    auto* const entry = next_entry();
    io_uring_prep_poll_add(entry, descriptor, POLLIN);
    io_uring_sqe_set_data(entry, tag);
}

void io_ring::cancel(void* tag) {
    auto* const entry = next_entry();
    io_uring_prep_cancel(entry, tag, 0);
    io_uring_sqe_set_data(entry, nullptr);
}

const std::vector<io_ring::completion>& io_ring::wait(std::chrono::milliseconds limit) {
    __kernel_timespec time{.tv_sec = limit.count() / 1000, .tv_nsec = limit.count() % 1000 * 1'000'000};
    io_uring_cqe* first = nullptr;
    const int result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &time, nullptr);
    if (result != -ETIME && !is_temporary(result)) checked("io_uring_enter", result);
    if (result != -ETIME && result != -EINTR && result < 0 && io_uring_cq_ready(&ring_) == 0) back_off();

    completions_.clear();
    unsigned head, count = 0;
    bool ran_out_of_buffers = false;
    io_uring_cqe* entry;
    io_uring_for_each_cqe(&ring_, head, entry) {
        ++count;
        if (entry->user_data == 0) continue; // of a cancel or of a linked timeout
        completion next{.tag = io_uring_cqe_get_data(entry), .result = entry->res, .bytes = {}, .buffer = -1};
        if (entry->flags & IORING_CQE_F_BUFFER) {
            const unsigned buffer = entry->flags >> IORING_CQE_BUFFER_SHIFT;
            next.buffer = static_cast<int>(buffer);
            next.bytes = {memory_of(buffer), static_cast<std::size_t>(std::max(entry->res, 0))};
            blocks_[buffer / buffers_per_block].in_use |= bit_of(buffer);
        }
        ran_out_of_buffers |= next.result == -ENOBUFS;
        completions_.push_back(next);
    }
    io_uring_cq_advance(&ring_, count);
    if (ran_out_of_buffers)
        add_buffers();
    else if (blocks_.size() > 1)
        release_unused_buffers();
    return completions_;
}

void io_ring::unmap::operator()(char* memory) const { munmap(memory, block_bytes); }

/// Adds a block of buffers; is_out_of_buffers() then tells whether that was possible.
void io_ring::add_buffers() {
    out_of_buffers_ = true;
    auto place = std::ranges::find_if(blocks_, [](const block& entry) { return !entry.memory; });
    if (place == blocks_.end() && blocks_.size() * buffers_per_block >= max_buffers) return;
    void* const memory = mmap(nullptr, block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    std::unique_ptr<char[], unmap> owner{static_cast<char*>(memory)};
    try {
        if (place == blocks_.end()) place = blocks_.emplace(blocks_.end());
    } catch (const std::bad_alloc&) {
        return;
    }
    place->memory = std::move(owner);
    out_of_buffers_ = false;
    const auto first = static_cast<unsigned>(place - blocks_.begin()) * buffers_per_block;
    for (unsigned i = 0; i < buffers_per_block; ++i) provide(first + i);
}

/// Releases all blocks but one of which no buffer is in use, so that a burst of clients does not keep its
/// memory.
///
/// A single buffer cannot be taken back from the kernel: so the whole ring of buffers is unregistered, and the
/// buffers that stay are provided again. That is safe only after all completions have been seen, since an
/// unseen one may carry a buffer whose bit in in_use is not set yet.
void io_ring::release_unused_buffers() {
    const auto now = coarse_now();
    if (now < release_at_ || io_uring_cq_ready(&ring_) != 0 || io_uring_cq_has_overflow(&ring_)) return;
    release_at_ = now + release_interval;
    const auto is_unused = [](const block& entry) { return entry.memory && entry.in_use == 0; };
    const auto unused = std::ranges::count_if(blocks_, is_unused);
    if (unused < 2) return;
    if (io_uring_unregister_buf_ring(&ring_, group) != 0) return;
    auto kept = std::ranges::find_if(blocks_, is_unused);
    for (auto next = kept + 1; next != blocks_.end(); ++next)
        if (is_unused(*next)) next->memory.reset();
    while (!blocks_.back().memory) blocks_.pop_back();
    register_buffers();
    for (unsigned buffer = 0; buffer < blocks_.size() * buffers_per_block; ++buffer) {
        const auto& owner = blocks_[buffer / buffers_per_block];
        if (owner.memory && !(owner.in_use & bit_of(buffer))) provide(buffer);
    }
}

char* io_ring::memory_of(unsigned buffer) const {
    return &blocks_[buffer / buffers_per_block].memory[buffer % buffers_per_block * buffer_size];
}

/// Lets the kernel use the buffer.
void io_ring::provide(unsigned buffer) {
    io_uring_buf_ring_add(provided_, memory_of(buffer), buffer_size, static_cast<unsigned short>(buffer),
                          io_uring_buf_ring_mask(max_buffers), 0);
    io_uring_buf_ring_advance(provided_, 1);
}

void io_ring::recycle(int buffer) {
    if (buffer < 0) return;
    const auto number = static_cast<unsigned>(buffer);
    blocks_[number / buffers_per_block].in_use &= ~bit_of(number);
    provide(number);
}

} // namespace parley
