// The file of a UNIX socket that we have bound: it goes when we go, and only if it is still ours.
#pragma once

#include "common/log.hpp"
#include <cerrno>
#include <cstring>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace parley {

class socket_file {
public:
    explicit socket_file(std::string path) : path_{std::move(path)} { stat(path_.c_str(), &bound_); }
    socket_file(socket_file&& other) noexcept
        : path_{std::exchange(other.path_, {})}, bound_{other.bound_}, owner_{other.owner_} {}
    socket_file& operator=(socket_file&&) = delete;
    ~socket_file() {
        if (path_.empty() || getpid() != owner_) return;
        struct stat now {};
        const bool is_there = stat(path_.c_str(), &now) == 0;
        if (is_there && (now.st_dev != bound_.st_dev || now.st_ino != bound_.st_ino)) return;
        if (is_there ? ::unlink(path_.c_str()) == 0 : errno == ENOENT) return;
        log::warn("unlink {}: {}; the file is left behind", path_, std::strerror(errno));
    }

private:
    std::string path_;
    struct stat bound_ {};
    pid_t owner_ = getpid(); // not a child that inherited this object
};

} // namespace parley
