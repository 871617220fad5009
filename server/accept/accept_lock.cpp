#include "server/accept/accept_lock.hpp"

#include "common/check.hpp"
#include "common/process/stop_signal.hpp"

#include <fcntl.h>
#include <mutex>
#include <sys/mman.h>

namespace parley {

accept_lock::accept_lock(accept_strategy strategy) : strategy_{strategy} {
    if (strategy_ == accept_strategy::file_lock)
        file_ =
            unique_fd{check("memfd_create", [] { return memfd_create("parley-accept-lock", MFD_CLOEXEC); })};
}

/// The kernel or the C library releases either lock if its owner dies: fcntl(2),
/// pthread_mutexattr_setrobust(3).
std::optional<connection> accept_lock::accept(listener& listener) {
    if (strategy_ == accept_strategy::mutex) {
        const std::lock_guard lock{*mutex_};
        return listener.accept();
    }
    if (strategy_ != accept_strategy::file_lock) return listener.accept();
    if (!lock_file(F_WRLCK)) return std::nullopt;
    auto connection = listener.accept();
    lock_file(F_UNLCK);
    return connection;
}

/// Returns false if shutdown was requested while it waited.
bool accept_lock::lock_file(short kind) const {
    struct flock whole_file {};
    whole_file.l_type = kind;
    whole_file.l_whence = SEEK_SET;
    while (fcntl(file_.get(), F_SETLKW, &whole_file) != 0) {
        if (errno != EINTR) throw_errno("fcntl", "F_SETLKW");
        if (stop_signal::is_requested()) return false;
    }
    return true;
}

} // namespace parley
