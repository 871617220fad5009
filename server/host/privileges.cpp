// The order of the calls matters: groups first, since a process that is no longer root cannot change them
// (setuid(2)).
#include "server/host/privileges.hpp"

#include "common/check.hpp"

#include <charconv>
#include <cstdlib>
#include <grp.h>
#include <limits>
#include <optional>
#include <pwd.h>
#include <stdexcept>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>

namespace parley {

namespace {

/// Returns nullopt if `text` is no user or group id. The highest number is none: setresuid(2) takes it as "keep
/// the current one".
std::optional<id_t> id_in(std::string_view text) {
    id_t id = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, id);
    if (error != std::errc{} || stop != end || id == std::numeric_limits<id_t>::max()) return std::nullopt;
    return id;
}

gid_t find_group(const std::string& name) {
    if (const group* const entry = getgrnam(name.c_str())) return entry->gr_gid;
    const auto id = id_in(name);
    if (!id) throw std::invalid_argument("no such group '" + name + "'");
    return *id;
}

} // namespace

account find_account(const std::string& text) {
    const auto colon = text.find(':');
    const auto user = text.substr(0, colon);
    const auto id = id_in(user);
    const passwd* entry = getpwnam(user.c_str());
    if (!entry && id) entry = getpwuid(*id);
    if (!entry && !id) throw std::invalid_argument("no such user '" + user + "'");
    auto found = entry ? account{entry->pw_name, entry->pw_dir, entry->pw_uid, entry->pw_gid, true}
                       : account{user, "/", *id, 0, false};
    if (found.user == 0) throw std::invalid_argument("the user " + user + " is root: name another one");
    if (colon != text.npos) {
        found.group = find_group(text.substr(colon + 1));
        found.all_groups = false;
    } else if (!entry) {
        throw std::invalid_argument("no user has the number " + user + ", so its group is not known: write " +
                                    user + ":GROUP");
    }
    return found;
}

void drop_privileges(const account& account) {
    const auto& name = account.name;
    const int result =
        account.all_groups ? initgroups(name.c_str(), account.group) : setgroups(1, &account.group);
    if (result != 0) {
        if (errno == EPERM) throw std::runtime_error("only root can become the user " + name);
        throw_errno("setgroups", name);
    }
    check("setresgid", name, [&] { return setresgid(account.group, account.group, account.group); });
    check("setresuid", name, [&] { return setresuid(account.user, account.user, account.user); });
    // With capabilities that were kept (capabilities(7)), the process could become root again.
    if (setuid(0) == 0 || (account.group != 0 && setgid(0) == 0) || geteuid() != account.user)
        throw std::runtime_error("the user " + name + " could become root again");
    check("prctl", "PR_SET_NO_NEW_PRIVS", [] { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); });
    for (const auto* variable : {"USER", "LOGNAME"}) setenv(variable, name.c_str(), 1);
    setenv("HOME", account.home.c_str(), 1);
}

} // namespace parley
