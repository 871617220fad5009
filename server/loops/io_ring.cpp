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

constexpr unsigned entries = 1024;
constexpr int most_tries = 500; // to hand over a full ring: some seconds
constexpr unsigned ring_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CLAMP;
constexpr std::size_t offers_bytes(unsigned count) { return count * sizeof(io_uring_buf); }

/// liburing returns a negated errno.
int checked(std::string_view call, int result) {
    if (result >= 0) return result;
    errno = -result;
    throw_errno(call);
}

/// Is the kernel short of something, so that it shall be asked again (io_uring_enter(2))?
bool only_for_now(int result) {
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
    void* const memory =
        mmap(nullptr, offers_bytes(most_buffers), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw_errno("mmap", "the ring of buffers");
    offered_ = static_cast<io_uring_buf_ring*>(memory);
    register_buffers();
    add_buffers();
    if (spent_) throw_errno("mmap", "the ring's buffers");
    completed_.reserve(*ring_.cq.kring_entries); // as many as there can be at once
}

io_ring::~io_ring() {
    io_uring_queue_exit(&ring_);
    munmap(offered_, offers_bytes(most_buffers));
}

void io_ring::register_buffers() {
    io_uring_buf_ring_init(offered_);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(offered_);
    registration.ring_entries = most_buffers;
    registration.bgid = group;
    for (int tried = 0;; ++tried) {
        const int result = io_uring_register_buf_ring(&ring_, &registration, 0);
        if (!only_for_now(result) || tried == most_tries) return void(checked("io_uring_register", result));
        back_off();
    }
}

/// Hands over what is there.
void io_ring::submit() {
    for (int tried = 0;; ++tried) {
        const int result = io_uring_submit(&ring_);
        if (!only_for_now(result) || tried == most_tries) return void(checked("io_uring_enter", result));
        back_off();
    }
}

io_uring_sqe* io_ring::next_entry() {
    for (;;) {
        if (auto* const entry = io_uring_get_sqe(&ring_)) return entry;
        submit(); // it is full
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
    entry->ioprio |= IORING_RECVSEND_POLL_FIRST; // as a rule there is nothing yet: the peer is to answer first
    entry->buf_group = group;
    io_uring_sqe_set_data(entry, tag);
}

void io_ring::send(int socket, std::string_view bytes, void* tag) {
    auto* const entry = next_entry();
    io_uring_prep_send(entry, socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data(entry, tag);
}

void io_ring::pause(int socket, __kernel_timespec* until, void* tag) {
    if (io_uring_sq_space_left(&ring_) < 2) submit(); // what is linked is handed over together
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
    if (result != -ETIME && !only_for_now(result)) checked("io_uring_enter", result);
    if (result != -ETIME && result != -EINTR && result < 0 && io_uring_cq_ready(&ring_) == 0) back_off();

    completed_.clear();
    unsigned head, seen = 0;
    bool out_of_buffers = false;
    io_uring_cqe* entry;
    io_uring_for_each_cqe(&ring_, head, entry) {
        ++seen;
        if (entry->user_data == 0) continue; // a cancellation's own, or a limit's
        completion each{.tag = io_uring_cqe_get_data(entry), .result = entry->res, .bytes = {}, .buffer = -1};
        if (entry->flags & IORING_CQE_F_BUFFER) {
            const unsigned buffer = entry->flags >> IORING_CQE_BUFFER_SHIFT;
            each.buffer = static_cast<int>(buffer);
            each.bytes = {memory_of(buffer), static_cast<std::size_t>(std::max(entry->res, 0))};
            blocks_[buffer / buffers_at_a_time].in_use |= bit_of(buffer);
        }
        out_of_buffers |= each.result == -ENOBUFS;
        completed_.push_back(each);
    }
    io_uring_cq_advance(&ring_, seen);
    if (out_of_buffers)
        add_buffers();
    else if (blocks_.size() > 1)
        release_unused_buffers();
    return completed_;
}

void io_ring::unmap::operator()(char* memory) const { munmap(memory, block_bytes); }

void io_ring::add_buffers() {
    spent_ = true;
    auto place = std::ranges::find_if(blocks_, [](const block& each) { return !each.memory; });
    if (place == blocks_.end() && blocks_.size() * buffers_at_a_time >= most_buffers) return;
    void* const memory = mmap(nullptr, block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    std::unique_ptr<char[], unmap> owned{static_cast<char*>(memory)};
    try {
        if (place == blocks_.end()) place = blocks_.emplace(blocks_.end());
    } catch (const std::bad_alloc&) {
        return;
    }
    place->memory = std::move(owned);
    spent_ = false;
    const auto first = static_cast<unsigned>(place - blocks_.begin()) * buffers_at_a_time;
    for (unsigned i = 0; i < buffers_at_a_time; ++i) offer(first + i);
}

/// Now and then, gives the blocks of which no buffer is in use back to the system, but for one. What has been
/// offered to the kernel cannot be taken back one by one: so all are, and the rest is offered again. Only
/// when all completions have been seen, since one may name a buffer.
void io_ring::release_unused_buffers() {
    const auto now = coarse_now();
    if (now < release_at_ || io_uring_cq_ready(&ring_) != 0 || io_uring_cq_has_overflow(&ring_)) return;
    release_at_ = now + release_interval;
    const auto is_unused = [](const block& each) { return each.memory && each.in_use == 0; };
    const auto unused = std::ranges::count_if(blocks_, is_unused);
    if (unused < 2) return;
    if (io_uring_unregister_buf_ring(&ring_, group) != 0) return;
    auto kept = std::ranges::find_if(blocks_, is_unused);
    for (auto each = kept + 1; each != blocks_.end(); ++each)
        if (is_unused(*each)) each->memory.reset();
    while (!blocks_.back().memory) blocks_.pop_back();
    register_buffers();
    for (unsigned buffer = 0; buffer < blocks_.size() * buffers_at_a_time; ++buffer) {
        const auto& of = blocks_[buffer / buffers_at_a_time];
        if (of.memory && !(of.in_use & bit_of(buffer))) offer(buffer);
    }
}

char* io_ring::memory_of(unsigned buffer) const {
    return &blocks_[buffer / buffers_at_a_time].memory[buffer % buffers_at_a_time * buffer_size];
}

void io_ring::offer(unsigned buffer) {
    io_uring_buf_ring_add(offered_, memory_of(buffer), buffer_size, static_cast<unsigned short>(buffer),
                          io_uring_buf_ring_mask(most_buffers), 0);
    io_uring_buf_ring_advance(offered_, 1);
}

void io_ring::give_back(int buffer) {
    if (buffer < 0) return;
    const auto number = static_cast<unsigned>(buffer);
    blocks_[number / buffers_at_a_time].in_use &= ~bit_of(number);
    offer(number);
}

} // namespace parley
