// A file descriptor with exactly one owner, who closes it. Nothing else in parley calls close(2).
#pragma once

#include <unistd.h>
#include <utility>

namespace parley {

class unique_fd {
public:
    unique_fd() = default;
    explicit unique_fd(int descriptor) : descriptor_{descriptor} {}
    unique_fd(unique_fd&& other) noexcept : descriptor_{other.release()} {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~unique_fd() { reset(); }

    [[nodiscard]] int get() const { return descriptor_; }
    [[nodiscard]] explicit operator bool() const { return descriptor_ >= 0; }

    /// Gives the descriptor away: the caller closes it.
    [[nodiscard]] int release() { return std::exchange(descriptor_, -1); }

    /// Closes what is owned. close(2) is never repeated: on Linux the descriptor is gone even after EINTR.
    void reset(int descriptor = -1) {
        const int old = std::exchange(descriptor_, descriptor);
        if (old >= 0) ::close(old);
    }

private:
    int descriptor_ = -1;
};

} // namespace parley
