#include "server/exec/child_command.hpp"

#include "common/check.hpp"
#include "common/log.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

namespace parley {

namespace {

/// Why the file cannot be run; 0: it can.
int obstacle_to(const std::string& file) {
    struct stat found {};
    if (stat(file.c_str(), &found) != 0) return errno;
    if (!S_ISREG(found.st_mode)) return EACCES;
    return access(file.c_str(), X_OK) == 0 ? 0 : errno;
}

} // namespace

std::string find_program(const std::string& name) {
    int reason = ENOENT;
    const auto can_run = [&](const std::string& file) {
        const int obstacle = obstacle_to(file);
        if (obstacle == EACCES) reason = EACCES;
        return obstacle == 0;
    };
    if (name.find('/') != name.npos) {
        if (can_run(name)) return name;
    } else if (!name.empty()) {
        const char* const value = std::getenv("PATH");
        const std::string path{value ? value : "/usr/local/bin:/usr/bin:/bin"};
        for (std::size_t begin = 0; begin <= path.size();) {
            const auto end = std::min(path.find(':', begin), path.size());
            const auto folder = path.substr(begin, end - begin);
            if (auto file = (folder.empty() ? "." : folder) + '/' + name; can_run(file)) return file;
            begin = end + 1;
        }
    }
    errno = reason;
    throw_errno("exec", name);
}

namespace {

std::vector<std::string> inherited_variables() {
    std::vector<std::string> found;
    for (const auto* name : {"PATH", "HOME", "LANG", "LC_ALL", "TZ"})
        if (const char* const value = std::getenv(name)) found.push_back(fmt::format("{}={}", name, value));
    return found;
}

/// What UCSPI (https://cr.yp.to/proto/ucspi.txt) tells a server of its connection.
void add_variables_of(const connection& connection, std::vector<std::string>& to) {
    const auto local = address::of_socket(connection.descriptor());
    if (local.family() == AF_UNIX) {
        ucred peer{};
        socklen_t size = sizeof peer;
        getsockopt(connection.descriptor(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
        to.insert(to.end(),
                  {"PROTO=UNIX", "UNIXLOCALPATH=" + local.path(), fmt::format("UNIXREMOTEPID={}", peer.pid),
                   fmt::format("UNIXREMOTEEUID={}", peer.uid), fmt::format("UNIXREMOTEEGID={}", peer.gid)});
        return;
    }
    const auto* const protocol = local.family() == AF_INET6 ? "TCP6" : "TCP";
    const auto here = parse_endpoint(local.to_string()), there = parse_endpoint(connection.peer().to_string());
    to.insert(to.end(), {fmt::format("PROTO={}", protocol), fmt::format("{}LOCALIP={}", protocol, here.host),
                         fmt::format("{}LOCALPORT={}", protocol, here.port),
                         fmt::format("{}REMOTEIP={}", protocol, there.host),
                         fmt::format("{}REMOTEPORT={}", protocol, there.port)});
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& each : texts) pointers.push_back(each.data());
    pointers.push_back(nullptr);
    return pointers;
}

/// What the child needs, made before: it lives in our memory, and may only make system calls.
struct new_life {
    const char* path;
    char* const* arguments;
    char* const* environment;
    int socket;
    const std::vector<int>& signals;
    const rlimit& descriptors;
    pid_t parent;
};

/// Returns only where it cannot be; errno tells why.
void begin(const new_life& next) {
    setpgid(0, 0);
    // The parent may have died before prctl could say what to do then.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != next.parent) return;
    if (dup2(next.socket, STDIN_FILENO) < 0 || dup2(next.socket, STDOUT_FILENO) < 0) return;
    struct sigaction as_usual {};
    as_usual.sa_handler = SIG_DFL;
    for (const int each : next.signals) sigaction(each, &as_usual, nullptr);
    setrlimit(RLIMIT_NOFILE, &next.descriptors);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr); // after their actions: ours must not run here
    execve(next.path, next.arguments, next.environment);
}

[[gnu::noinline]] pid_t spawn(const new_life& next, std::atomic<int>& failure) {
    const pid_t process = vfork();
    if (process == 0) {
        begin(next);
        failure = errno;
        _exit(127);
    }
    return process;
}

} // namespace

command::command(std::vector<std::string> words)
    : words_{std::move(words)}, path_{find_program(words_.front())}, variables_{inherited_variables()} {
    for (int each = 1; each < NSIG; ++each) {
        struct sigaction now {};
        if (sigaction(each, nullptr, &now) == 0 && now.sa_handler != SIG_DFL) signals_.push_back(each);
    }
    // All of ours are close-on-exec; whoever started us may not have been so careful.
    check("close_range", [] { return close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); });
    getrlimit(RLIMIT_NOFILE, &descriptors_);
    descriptors_.rlim_cur = std::min<rlim_t>(FD_SETSIZE, descriptors_.rlim_max); // what select(2) can bear
}

pid_t command::start(const connection& connection) {
    auto variables = variables_;
    add_variables_of(connection, variables);
    const auto arguments = pointers_to(words_), environment = pointers_to(variables);
    const new_life next{path_.c_str(), arguments.data(), environment.data(), connection.descriptor(), signals_,
                        descriptors_,  getpid()};
    failure_ = 0;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); // a signal's action in the child would change our memory
    const pid_t process = spawn(next, failure_);
    const int reason = errno;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    if (failure_ != 0) log::error("exec {}: {}", path_, std::strerror(failure_));
    errno = reason;
    return process;
}

} // namespace parley
