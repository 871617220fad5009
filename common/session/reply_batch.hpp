// Small replies that are ready together, copied so that one send(2) carries them all: a client that pipelines
// its requests would cost a system call for each reply otherwise.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parley {

class reply_batch {
public:
    static constexpr std::size_t most_bytes = 16 * 1024;
    static constexpr std::size_t largest_reply = 4 * 1024; // to copy a larger one costs more than a call saves

    /// Copies a reply to the end. Returns false if it is too large, or the batch is full.
    bool add(std::string_view reply) {
        if (reply.size() > largest_reply || bytes_.size() + reply.size() > most_bytes) return false;
        if (bytes_.capacity() < first_size) bytes_.reserve(first_size);
        bytes_.append(reply);
        ++replies_;
        return true;
    }

    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    [[nodiscard]] std::string_view bytes() const { return bytes_; }
    [[nodiscard]] unsigned replies() const { return replies_; }

    /// Forgets what has been sent, and keeps the memory.
    void clear() {
        bytes_.clear();
        replies_ = 0;
    }

    /// Gives the memory back. Only if it is empty.
    void release() {
        if (bytes_.capacity() >= first_size) std::string{}.swap(bytes_);
    }

private:
    static constexpr std::size_t first_size = 1000; // what malloc(3) hands out without a lock, and many replies

    std::string bytes_;
    unsigned replies_ = 0;
};

} // namespace parley
