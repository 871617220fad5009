// Interprets the status of wait(2).
#include "common/process/process_end.hpp"

#include <cstring>
#include <sys/wait.h>

namespace parley {

std::optional<int> process_end::exit_code() const {
    if (!WIFEXITED(status)) return std::nullopt;
    return WEXITSTATUS(status);
}

std::optional<int> process_end::signal() const {
    if (!WIFSIGNALED(status)) return std::nullopt;
    return WTERMSIG(status);
}

std::string process_end::to_string() const {
    if (const auto code = exit_code()) return "exit code " + std::to_string(*code);
    const char* name = sigabbrev_np(WTERMSIG(status));
    return "killed by " + (name ? std::string{"SIG"} + name : "signal " + std::to_string(WTERMSIG(status)));
}

} // namespace parley
