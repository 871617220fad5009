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

/// Returns the errno with which the file cannot be run; 0 if it can.
int obstacle_to(const std::string& file) {
    struct stat found {};
    if (stat(file.c_str(), &found) != 0) return errno;
    if (!S_ISREG(found.st_mode)) return EACCES;
    return access(file.c_str(), X_OK) == 0 ? 0 : errno;
}

} // namespace

std::string find_program(const std::string& name) {
    int error = ENOENT; // EACCES if any file of that name was found, as execvp(3) reports it
    const auto can_run = [&](const std::string& file) {
        const int obstacle = obstacle_to(file);
        if (obstacle == EACCES) error = EACCES;
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
    errno = error;
    throw_errno("exec", name);
}

namespace {

std::vector<std::string> inherited_variables() {
    std::vector<std::string> found;
    for (const auto* name : {"PATH", "HOME", "LANG", "LC_ALL", "TZ"})
        if (const char* const value = std::getenv(name)) found.push_back(fmt::format("{}={}", name, value));
    return found;
}

/// Appends the variables by which UCSPI (https://cr.yp.to/proto/ucspi.txt) describes a connection.
void add_variables_of(const connection& connection, std::vector<std::string>& variables) {
    const auto local = address::of_socket(connection.descriptor());
    if (local.family() == AF_UNIX) {
        ucred peer{};
        socklen_t size = sizeof peer;
        getsockopt(connection.descriptor(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
        variables.insert(variables.end(),
                         {"PROTO=UNIX", "UNIXLOCALPATH=" + local.path(),
                          fmt::format("UNIXREMOTEPID={}", peer.pid), fmt::format("UNIXREMOTEEUID={}", peer.uid),
                          fmt::format("UNIXREMOTEEGID={}", peer.gid)});
        return;
    }
    const auto* const protocol = local.family() == AF_INET6 ? "TCP6" : "TCP";
    const auto server = parse_endpoint(local.to_string()),
               client = parse_endpoint(connection.peer().to_string());
    variables.insert(variables.end(),
                     {fmt::format("PROTO={}", protocol), fmt::format("{}LOCALIP={}", protocol, server.host),
                      fmt::format("{}LOCALPORT={}", protocol, server.port),
                      fmt::format("{}REMOTEIP={}", protocol, client.host),
                      fmt::format("{}REMOTEPORT={}", protocol, client.port)});
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

/// All that the child needs, prepared before vfork(2).
struct exec_plan {
    const char* path;
    char* const* arguments;
    char* const* environment;
    int socket;
    const std::vector<int>& signals;
    const rlimit& descriptors;
    pid_t parent;
};

/// Turns the child into the program. Returns only if that fails, with errno.
///
/// After vfork(2) the child runs in the parent's memory and on the parent's stack, while the parent is
/// suspended. So it may only make system calls: what it allocates, locks or writes would stay in the parent.
///
/// The order matters. The process group comes first, so that the program can start nothing outside of it.
/// Signals are unblocked after their actions are reset: a pending one would otherwise run the server's handler
/// here, on the server's memory. The actions themselves are the child's own: vfork(2) copies them (no
/// CLONE_SIGHAND).
void begin(const exec_plan& plan) {
    setpgid(0, 0);
    // If the parent died before prctl(2), that signal will not come. Then another process is the parent now.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != plan.parent) return;
    if (dup2(plan.socket, STDIN_FILENO) < 0 || dup2(plan.socket, STDOUT_FILENO) < 0) return;
    struct sigaction default_action {};
    default_action.sa_handler = SIG_DFL;
    for (const int signal : plan.signals) sigaction(signal, &default_action, nullptr);
    setrlimit(RLIMIT_NOFILE, &plan.descriptors);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execve(plan.path, plan.arguments, plan.environment);
}

/// Not inlined: the child must not change local variables of its caller, whose stack it shares (vfork(2)).
[[gnu::noinline]] pid_t spawn(const exec_plan& plan, std::atomic<int>& exec_error) {
    const pid_t process = vfork();
    if (process == 0) {
        begin(plan);
        exec_error = errno;
        _exit(127); // as a shell does if a command cannot be run
    }
    return process;
}

} // namespace

command::command(std::vector<std::string> words)
    : words_{std::move(words)}, path_{find_program(words_.front())}, variables_{inherited_variables()} {
    for (int signal = 1; signal < NSIG; ++signal) {
        struct sigaction action {};
        if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_DFL)
            signals_.push_back(signal);
    }
    // The server opens all descriptors with close-on-exec. But it may have inherited others.
    check("close_range", [] { return close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); });
    getrlimit(RLIMIT_NOFILE, &descriptors_);
    // More descriptors would break a program that uses select(2).
    descriptors_.rlim_cur = std::min<rlim_t>(FD_SETSIZE, descriptors_.rlim_max);
}

pid_t command::start(const connection& connection) {
    auto variables = variables_;
    add_variables_of(connection, variables);
    const auto arguments = pointers_to(words_), environment = pointers_to(variables);
    const exec_plan plan{path_.c_str(), arguments.data(), environment.data(), connection.descriptor(), signals_,
                         descriptors_,  getpid()};
    exec_error_ = 0;
    sigset_t all, before;
    sigfillset(&all);
    // Otherwise a signal handler could run in the child, and write to this process's memory.
    sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t process = spawn(plan, exec_error_);
    const int error = errno;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    if (exec_error_ != 0) log::error("exec {}: {}", path_, std::strerror(exec_error_));
    errno = error;
    return process;
}

} // namespace parley
