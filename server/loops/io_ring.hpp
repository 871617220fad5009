// io_uring(7) as a loop wants it: operations are put into a ring and carried out by the kernel, which puts
// their results into another one. One system call hands over many operations, and waits for many results.
#pragma once

#include <chrono>
#include <cstdint>
#include <liburing.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

class io_ring {
public:
    /// Why the kernel refuses io_uring, or what is needed of it; empty: it does not.
    static std::string obstacle();

    /// For the calling thread alone. Throws std::system_error.
    io_ring();
    io_ring(const io_ring&) = delete;
    io_ring& operator=(const io_ring&) = delete;
    ~io_ring();

    // Each begins an operation, whose completion names `tag`.

    /// Accepts one client; `peer` and `size`, which must stay valid, receive its address.
    void accept(int listening_socket, sockaddr_storage* peer, socklen_t* size, void* tag);
    /// Receives what comes next, in a buffer of the ring. -ENOBUFS: all buffers were in use; there may be more
    /// now.
    void receive(int socket, void* tag);
    /// Sends all; `bytes` must stay valid.
    void send(int socket, std::string_view bytes, void* tag);
    /// Completes with -ECANCELED at `*until` (CLOCK_MONOTONIC), which must stay valid; or sooner, if `socket`
    /// is lost (POLLHUP or POLLERR), or its peer has ended its output (poll(2)).
    void pause(int socket, __kernel_timespec* until, void* tag);
    /// Completes with -ETIME at `*until`, whatever becomes of any socket.
    void pause(__kernel_timespec* until, void* tag);
    /// Completes with what is complete by the next wait().
    void yield(void* tag);
    /// Completes once `descriptor` is readable.
    void watch(int descriptor, void* tag);
    /// Makes the operation of `tag` complete with -ECANCELED. Has no completion of its own.
    void cancel(void* tag);

    struct completion {
        void* tag;
        int result;             // as the system call's, or the negated errno
        std::string_view bytes; // received; valid until the buffer is given back
        int buffer;             // that holds them; negative: none
    };

    /// Hands over all that was begun, waits until something is complete or `limit` is over, and returns what is
    /// complete. The vector is valid until the next call.
    const std::vector<completion>& wait(std::chrono::milliseconds limit);

    /// Could no more buffers be had when all were in use?
    [[nodiscard]] bool is_spent() const { return spent_; }

    /// Lets the kernel use a buffer again. Harmless for none.
    void give_back(int buffer);

private:
    static constexpr std::size_t buffer_size = 16 * 1024;
    static constexpr unsigned buffers_at_a_time = 64; // as many as block::in_use has bits
    static constexpr std::chrono::seconds release_interval{1};
    static constexpr std::size_t block_bytes = buffers_at_a_time * buffer_size;
    static constexpr unsigned most_buffers = 32 * 1024; // the kernel's own limit
    static constexpr int group = 0;

    static constexpr std::uint64_t bit_of(unsigned buffer) {
        return std::uint64_t{1} << buffer % buffers_at_a_time;
    }

    /// Unmaps the memory of a block of buffers: malloc(3) would keep it.
    struct unmap {
        void operator()(char* memory) const;
    };
    /// Buffers that are made and given back to the system together.
    struct block {
        std::unique_ptr<char[], unmap> memory; // null: a place for a new block
        std::uint64_t in_use = 0;              // a bit for each buffer
    };

    void submit();
    io_uring_sqe* next_entry();
    void register_buffers();
    void add_buffers();
    void release_unused_buffers();
    void offer(unsigned buffer);
    [[nodiscard]] char* memory_of(unsigned buffer) const;

    io_uring ring_{};
    io_uring_buf_ring* offered_ = nullptr;
    std::vector<block> blocks_; // more when all are in use
    std::chrono::steady_clock::time_point release_at_{};
    bool spent_ = false;
    std::vector<completion> completed_;
};

} // namespace parley
