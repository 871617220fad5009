// Reads /proc and uses pidfds.
#include "common/process/process_usage.hpp"
#include "common/check.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <sys/syscall.h>

namespace parley {

unique_fd open_process(pid_t process) {
    // By syscall(2): the header of glibc 2.36 (Debian 12) lacks extern "C" for pidfd_open.
    return unique_fd{check("pidfd_open", "process " + std::to_string(process),
                           [&] { return static_cast<int>(syscall(SYS_pidfd_open, process, 0)); })};
}

bool process_exists(pid_t process) { return kill(process, 0) == 0 || errno == EPERM; }

std::chrono::milliseconds cpu_time_of(pid_t process) {
    std::ifstream file{"/proc/" + std::to_string(process) + "/stat"};
    std::string text;
    std::getline(file, text, '\0'); // the name of a process may contain any other byte, even a newline
    const auto name_end = text.rfind(')');
    if (name_end == text.npos) return {};
    unsigned long user, system, children_user, children_system;
    if (std::sscanf(text.c_str() + name_end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
                    &user, &system, &children_user, &children_system) != 4)
        return {};
    const auto ticks = user + system + children_user + children_system;
    return std::chrono::milliseconds{ticks * 1000 / static_cast<unsigned long>(sysconf(_SC_CLK_TCK))};
}

} // namespace parley
