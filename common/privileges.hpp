// Giving up root's rights for good, once what needs them (a port below 1024) is done.
#pragma once

#include <string>
#include <sys/types.h>

namespace parley {

/// A user of this system who is not root (getpwnam(3)).
struct account {
    std::string name;
    std::string home;
    uid_t user;
    gid_t group;
};

/// Throws std::invalid_argument where there is no such user, or where it is root.
account find_account(const std::string& name);

/// The process becomes that user, with its groups and no others, and HOME, USER and LOGNAME say so to programs
/// that it starts. To be called before the first thread. Throws std::runtime_error where only root could do so,
/// or where the way back is still open.
void become(const account& other);

} // namespace parley
