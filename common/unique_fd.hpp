// RAII owner of a file descriptor, as std::unique_ptr is of memory. The destructor closes it.
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

    /// Releases ownership: the caller must close the descriptor.
    [[nodiscard]] int release() { return std::exchange(descriptor_, -1); }

    /// Closes the owned descriptor and takes another one. close(2) is not repeated after EINTR: on Linux the
    /// descriptor is closed even then, and another thread may have got its number.
    void reset(int descriptor = -1) {
        const int old = std::exchange(descriptor_, descriptor);
        if (old >= 0) ::close(old);
    }

private:
    int descriptor_ = -1;
};

} // namespace parley
