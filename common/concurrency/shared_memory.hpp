// Shared memory: values that a process and its children share. Ordinary memory is copied at fork(2); this is
// not.
#pragma once

#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <sys/stat.h>
#include <type_traits>
#include <utility>

namespace parley {

/// An array of T in an anonymous file (memfd_create(2)) that is mapped with MAP_SHARED. The creating process
/// and all children forked later see the same values. Pages that are never accessed use no memory.
template <class T>
class shared_memory {
    static_assert(std::is_trivially_destructible_v<T>,
                  "no process knows that it is the last one, so none can call destructors");

public:
    /// `name` appears in /proc/PID/maps. Throws std::system_error.
    explicit shared_memory(const char* name, std::size_t count = 1) : count_{count} {
        file_ = unique_fd{check("memfd_create", name, [&] { return memfd_create(name, MFD_CLOEXEC); })};
        check("ftruncate", name, [&] { return ftruncate(file_.get(), static_cast<off_t>(bytes())); });
        void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
        if (memory == MAP_FAILED) throw_errno("mmap", name);
        values_ = static_cast<T*>(memory);
        // A new file reads as zeros. Values that start as all zeros are not written, so their pages use no
        // memory.
        if constexpr (!std::is_trivially_default_constructible_v<T>)
            std::uninitialized_default_construct_n(values_, count);
    }
    shared_memory(const shared_memory&) = delete;
    shared_memory& operator=(const shared_memory&) = delete;
    ~shared_memory() { munmap(values_, bytes()); }

    [[nodiscard]] T& operator[](std::size_t index) { return values_[index]; }
    [[nodiscard]] const T& operator[](std::size_t index) const { return values_[index]; }
    [[nodiscard]] T& operator*() { return *values_; }
    [[nodiscard]] T* operator->() { return values_; }
    [[nodiscard]] std::size_t size() const { return count_; }

    /// Excludes the mapping from processes that are forked later, which makes fork(2) cheaper (MADV_DONTFORK).
    /// They must not use the values.
    void exclude_from_fork() { madvise(values_, bytes(), MADV_DONTFORK); }

    /// Returns the file, so that another process can map it, too (shared_view).
    [[nodiscard]] int descriptor() const { return file_.get(); }

private:
    [[nodiscard]] std::size_t bytes() const { return count_ * sizeof(T); }

    std::size_t count_;
    unique_fd file_;
    T* values_ = nullptr;
};

/// A read-only view of the shared_memory of another process.
template <class T>
class shared_view {
public:
    /// Throws std::system_error if the file cannot be mapped, for example because it is empty.
    shared_view(unique_fd file, const char* name) : file_{std::move(file)} {
        struct stat status {};
        check("fstat", name, [&] { return fstat(file_.get(), &status); });
        count_ = static_cast<std::size_t>(status.st_size) / sizeof(T);
        void* memory = mmap(nullptr, bytes(), PROT_READ, MAP_SHARED, file_.get(), 0);
        if (memory == MAP_FAILED) throw_errno("mmap", name);
        values_ = static_cast<const T*>(memory);
    }
    shared_view(const shared_view&) = delete;
    shared_view& operator=(const shared_view&) = delete;
    ~shared_view() { munmap(const_cast<T*>(values_), bytes()); }

    [[nodiscard]] const T& operator[](std::size_t index) const { return values_[index]; }
    [[nodiscard]] const T& operator*() const { return *values_; }
    [[nodiscard]] const T* operator->() const { return values_; }

    /// Returns the number of values before the first page that was never written (lseek(2), SEEK_HOLE). Reading
    /// further would only allocate pages of zeros.
    [[nodiscard]] std::size_t used_count() const {
        const auto hole = lseek(file_.get(), 0, SEEK_HOLE);
        return hole < 0 ? count_ : std::min(static_cast<std::size_t>(hole) / sizeof(T), count_);
    }

private:
    [[nodiscard]] std::size_t bytes() const { return count_ * sizeof(T); }

    unique_fd file_;
    std::size_t count_ = 0;
    const T* values_ = nullptr;
};

} // namespace parley
