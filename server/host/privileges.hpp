// Giving up root's rights for good, once what needs them (a port below 1024) is done.
#pragma once

#include <string>
#include <sys/types.h>

namespace parley {

/// A user who is not root.
struct account {
    std::string name;
    std::string home;
    uid_t user;
    gid_t group;
    bool all_groups; // also those that /etc/group gives it (initgroups(3))
};

/// Reads USER or USER:GROUP, as chown(1) takes them: a name, or a number. A number without a name on this
/// system needs its GROUP; with a GROUP, the user is in no other one. Throws std::invalid_argument if there is
/// no such user or group, or if the user is root.
account find_account(const std::string& text);

/// The process becomes that user, with its groups and no others, and HOME, USER and LOGNAME say so to programs
/// that it starts. No program that it starts gets more rights than it has (PR_SET_NO_NEW_PRIVS), so that
/// sudo(8) and its like do not help back. To be called before the first thread. Throws std::runtime_error where
/// only root could do so, or where the way back is still open.
void drop_privileges(const account& other);

} // namespace parley
