// An io_uring(7) with the operations that a loop needs, and the buffers that its receives fill.
//
// Operations are written into a submission queue in shared memory, the kernel carries them out and writes their
// results into a completion queue. One system call, in wait(), submits many operations and waits for many
// results. See also Axboe, "Efficient IO with io_uring" (https://kernel.dk/io_uring.pdf).
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
    /// Returns why the kernel refuses io_uring or a feature that is needed; empty if it does not.
    static std::string obstacle();

    /// Only the calling thread may use the ring (IORING_SETUP_SINGLE_ISSUER). Throws std::system_error.
    io_ring();
    io_ring(const io_ring&) = delete;
    io_ring& operator=(const io_ring&) = delete;
    ~io_ring();

    // Each of these functions starts an operation, whose completion carries `tag`. The kernel may see the
    // operation only in the next wait(). Pointers must stay valid until the completion.

    /// Accepts one connection; `peer` and `size` receive its address.
    void accept(int listening_socket, sockaddr_storage* peer, socklen_t* size, void* tag);
    /// Receives what comes next into a buffer of the ring. The kernel chooses the buffer when there is input,
    /// so an idle connection holds none. The result is -ENOBUFS if all buffers were in use; wait() has then
    /// added some, unless is_out_of_buffers().
    void receive(int socket, void* tag);
    /// Sends all of `bytes`.
    void send(int socket, std::string_view bytes, void* tag);
    /// Completes with -ECANCELED at `*until` (CLOCK_MONOTONIC); or sooner, if `socket` is lost (POLLHUP or
    /// POLLERR), or its peer has shut down its output (poll(2)).
    void pause(int socket, __kernel_timespec* until, void* tag);
    /// Completes with -ETIME at `*until`, whatever happens to any socket.
    void pause(__kernel_timespec* until, void* tag);
    /// Completes in the next wait(), together with all other completions.
    void yield(void* tag);
    /// Completes when `descriptor` is readable.
    void watch(int descriptor, void* tag);
    /// Makes the operation with `tag` complete with -ECANCELED, unless it completes by itself first. Has no
    /// completion of its own.
    void cancel(void* tag);

    struct completion {
        void* tag;
        int result;             // as the system call returns it, or the negated errno
        std::string_view bytes; // received; valid until recycle()
        int buffer;             // that holds them, owned by the caller until recycle(); negative: none
    };

    /// Submits all operations that were started, waits until at least one is complete or `limit` is over, and
    /// returns the completions. The vector is valid until the next call.
    const std::vector<completion>& wait(std::chrono::milliseconds limit);

    /// True if all buffers were in use and no more could be added.
    [[nodiscard]] bool is_out_of_buffers() const { return out_of_buffers_; }

    /// Returns a buffer to the kernel. Does nothing if it is negative.
    void recycle(int buffer);

private:
    /// As large as read_buffer: see common/net/connection.hpp.
    static constexpr std::size_t buffer_size = 16 * 1024;
    static constexpr unsigned buffers_per_block = 64; // one for each bit of block::in_use
    /// At most once per interval are unused buffers released: that costs a system call for all of them.
    static constexpr std::chrono::seconds release_interval{1};
    static constexpr std::size_t block_bytes = buffers_per_block * buffer_size;
    static constexpr unsigned max_buffers = 32 * 1024; // the kernel's limit (io_uring_register_buf_ring(3))
    static constexpr int group = 0;                    // the id of the only group of buffers

    static constexpr std::uint64_t bit_of(unsigned buffer) {
        return std::uint64_t{1} << buffer % buffers_per_block;
    }

    /// Unmaps the memory of a block: free(3) might keep it for the process.
    struct unmap {
        void operator()(char* memory) const;
    };
    /// Buffers that are allocated and released together.
    struct block {
        std::unique_ptr<char[], unmap> memory; // null: released, and its place can be used again
        std::uint64_t in_use = 0;              // a bit per buffer that the caller owns
    };

    void submit();
    io_uring_sqe* next_entry();
    void register_buffers();
    void add_buffers();
    void release_unused_buffers();
    void provide(unsigned buffer);
    [[nodiscard]] char* memory_of(unsigned buffer) const;

    io_uring ring_{};
    io_uring_buf_ring* provided_ = nullptr; // the queue of buffers that the kernel may use
    std::vector<block> blocks_;
    std::chrono::steady_clock::time_point release_at_{};
    bool out_of_buffers_ = false;
    std::vector<completion> completions_;
};

} // namespace parley
