// Batch of small replies, copied together so that one send(2) carries them all. Without it, a client that
// pipelines its requests would cost one system call per reply.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parley {

class reply_batch {
public:
    static constexpr std::size_t max_bytes =
        16 * 1024; // bounds the memory of a connection; as large as a read_buffer
    static constexpr std::size_t max_reply = 4 * 1024; // copying a larger reply costs more than a call saves

    /// Copies a reply to the end. Returns false if the reply is too large or the batch is full.
    bool add(std::string_view reply) {
        if (reply.size() > max_reply || bytes_.size() + reply.size() > max_bytes) return false;
        if (bytes_.capacity() < initial_capacity) bytes_.reserve(initial_capacity);
        bytes_.append(reply);
        ++replies_;
        return true;
    }

    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    [[nodiscard]] std::string_view bytes() const { return bytes_; }
    [[nodiscard]] unsigned replies() const { return replies_; }

    /// Removes all replies, and keeps the memory.
    void clear() {
        bytes_.clear();
        replies_ = 0;
    }

    /// Frees the memory. Only for an empty batch.
    void release() {
        if (bytes_.capacity() >= initial_capacity) std::string{}.swap(bytes_);
    }

private:
    // Room for many replies, and just below the 1032 bytes that glibc's malloc(3) serves from a thread's own
    // cache, without a lock.
    static constexpr std::size_t initial_capacity = 1000;

    std::string bytes_;
    unsigned replies_ = 0;
};

} // namespace parley
