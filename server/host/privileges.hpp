// Drops root privileges for good, once the steps that need them (a port below 1024) are done.
#pragma once

#include <string>
#include <sys/types.h>

namespace parley {

/// A user that is not root.
struct account {
    std::string name;
    std::string home;
    uid_t user;
    gid_t group;
    bool all_groups; // also the groups of /etc/group (initgroups(3))
};

/// Reads USER or USER:GROUP, as chown(1) takes them: each is a name or a number. A number without a name on
/// this system needs a GROUP. With a GROUP, the user is in no other group. Throws std::invalid_argument if
/// there is no such user or group, or if the user is root.
account find_account(const std::string& text);

/// Makes the process run as that user, with the groups of the account only, and sets HOME, USER and LOGNAME.
///
/// There is no way back: no program that the process starts gets more rights than it has (PR_SET_NO_NEW_PRIVS),
/// not even sudo(8). Call it before the first thread starts. Throws std::runtime_error if the process is not
/// root, or if it could still become root afterwards.
void drop_privileges(const account& account);

} // namespace parley
