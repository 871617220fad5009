// Groups go first: once root's user is given up, they could not be.
#include "common/privileges.hpp"

#include "common/check.hpp"

#include <cstdlib>
#include <grp.h>
#include <pwd.h>
#include <stdexcept>
#include <unistd.h>

namespace parley {

account find_account(const std::string& name) {
    const passwd* const entry = getpwnam(name.c_str());
    if (!entry) throw std::invalid_argument("no such user '" + name + "'");
    if (entry->pw_uid == 0) throw std::invalid_argument("the user " + name + " is root: name another one");
    return {name, entry->pw_dir, entry->pw_uid, entry->pw_gid};
}

void become(const account& other) {
    const auto& name = other.name;
    if (initgroups(name.c_str(), other.group) != 0) {
        if (errno == EPERM) throw std::runtime_error("only root can become the user " + name);
        throw_errno("initgroups", name);
    }
    check("setresgid", name, [&] { return setresgid(other.group, other.group, other.group); });
    check("setresuid", name, [&] { return setresuid(other.user, other.user, other.user); });
    // A process that keeps capabilities (capabilities(7)) can come back.
    if (setuid(0) == 0 || (other.group != 0 && setgid(0) == 0) || geteuid() != other.user)
        throw std::runtime_error("the user " + name + " could become root again");
    for (const auto* variable : {"USER", "LOGNAME"}) setenv(variable, name.c_str(), 1);
    setenv("HOME", other.home.c_str(), 1);
}

} // namespace parley
