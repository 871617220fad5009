#include "server/accept/accept_lock.hpp"

#include "common/check.hpp"
#include "common/process/stop_signal.hpp"

#include <fcntl.h>
#include <mutex>
#include <sys/mman.h>

namespace parley {

turn::turn(discipline by) : by_{by} {
    if (by_ == discipline::file_lock)
        file_ =
            unique_fd{check("memfd_create", [] { return memfd_create("parley-accept-lock", MFD_CLOEXEC); })};
}

/// Both locks are given up when their owner dies: pthread_mutexattr_setrobust(3), fcntl(2).
std::optional<connection> turn::accept(listener& door) {
    if (by_ == discipline::mutex) {
        const std::lock_guard held{*mutex_};
        return door.accept();
    }
    if (by_ != discipline::file_lock) return door.accept();
    if (!lock_file(F_WRLCK)) return std::nullopt;
    auto peer = door.accept();
    lock_file(F_UNLCK);
    return peer;
}

/// False: a stop was requested while it waited.
bool turn::lock_file(short kind) const {
    struct flock whole {};
    whole.l_type = kind;
    whole.l_whence = SEEK_SET;
    while (fcntl(file_.get(), F_SETLKW, &whole) != 0) {
        if (errno != EINTR) throw_errno("fcntl", "F_SETLKW");
        if (stop_signal::requested()) return false;
    }
    return true;
}

} // namespace parley
