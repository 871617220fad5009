// Values that a process and its children share: ordinary memory is copied at fork(2), this is not.
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

/// `count` values of T in an anonymous file (memfd_create(2)) mapped as shared. Pages that nobody touches
/// cost nothing. The process that made it, and every child forked since, sees the same values.
template <class T>
class shared_memory {
    static_assert(std::is_trivially_destructible_v<T>, "the last of several processes to leave is not known");

public:
    /// `name` is what /proc/PID/maps calls the memory. Throws std::system_error.
    explicit shared_memory(const char* name, std::size_t count = 1) : count_{count} {
        file_ = unique_fd{check("memfd_create", name, [&] { return memfd_create(name, MFD_CLOEXEC); })};
        check("ftruncate", name, [&] { return ftruncate(file_.get(), static_cast<off_t>(bytes())); });
        void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
        if (memory == MAP_FAILED) throw_errno("mmap", name);
        values_ = static_cast<T*>(memory);
        // A new file reads as zeros: values whose beginning is all zeros need no page touched.
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

    /// Leaves the mapping out of the processes that are forked from now on: each mapping less makes fork(2)
    /// cheaper. They must not use the values.
    void exclude_from_fork() { madvise(values_, bytes(), MADV_DONTFORK); }

    /// The file, for a process that is to map it too.
    [[nodiscard]] int descriptor() const { return file_.get(); }

private:
    [[nodiscard]] std::size_t bytes() const { return count_ * sizeof(T); }

    std::size_t count_;
    unique_fd file_;
    T* values_ = nullptr;
};

/// The values that another process has put into such a file, to be read only.
template <class T>
class shared_view {
public:
    /// Throws std::system_error where the file cannot be mapped; one that is empty cannot.
    shared_view(unique_fd file, const char* name) : file_{std::move(file)} {
        struct stat about {};
        check("fstat", name, [&] { return fstat(file_.get(), &about); });
        count_ = static_cast<std::size_t>(about.st_size) / sizeof(T);
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

    /// How many values there are before the first page that nobody has touched yet (lseek(2)): to read on would
    /// only cost memory.
    [[nodiscard]] std::size_t touched() const {
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
