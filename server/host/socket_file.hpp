// The file of a UNIX socket that this process has bound. It is removed with this object, unless another file
// has taken its place.
#pragma once

#include "common/check.hpp"
#include "common/log.hpp"
#include "common/unique_fd.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace parley {

class socket_file {
public:
    explicit socket_file(std::string path) : path_{std::move(path)} { lstat(path_.c_str(), &bound_); }
    socket_file(socket_file&& other) noexcept
        : path_{std::exchange(other.path_, {})}, bound_{other.bound_}, owner_{other.owner_} {}
    socket_file& operator=(socket_file&&) = delete;
    ~socket_file() {
        if (path_.empty() || getpid() != owner_) return;
        struct stat now {};
        const bool is_there = lstat(path_.c_str(), &now) == 0;
        if (is_there && !is_bound(now)) return;
        if (is_there ? ::unlink(path_.c_str()) == 0 : errno == ENOENT) return;
        log::warn("unlink {}: {}; remove the file", path_, std::strerror(errno));
    }

    /// Changes the owner of the file. It can then be removed even after root privileges are dropped, if the
    /// folder belongs to that user or has the sticky bit. Throws std::system_error.
    void give_to(uid_t user, gid_t group) const {
        const auto flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
        const unique_fd file{check("open", path_, [&] { return ::open(path_.c_str(), flags); })};
        struct stat now {};
        check("fstat", path_, [&] { return fstat(file.get(), &now); });
        if (!is_bound(now)) return; // it is another file now, whose owner must not change
        check("fchownat", path_, [&] { return fchownat(file.get(), "", user, group, AT_EMPTY_PATH); });
    }

private:
    [[nodiscard]] bool is_bound(const struct stat& file) const {
        return file.st_dev == bound_.st_dev && file.st_ino == bound_.st_ino;
    }

    std::string path_;
    struct stat bound_ {};
    pid_t owner_ = getpid(); // a child that has inherited this object does not remove the file
};

} // namespace parley
