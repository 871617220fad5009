// Runs a program, and captures its standard output and its standard error at the same time. See pipe(2),
// dup2(2), execvp(3), poll(2), waitpid(2).
#include "common/check.hpp"
#include "common/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using parley::check;
using parley::unique_fd;

namespace {

struct pipe_ends {
    unique_fd reader, writer;
};

/// O_CLOEXEC: the program gets copies without that flag from dup2(2), and nothing else.
pipe_ends make_pipe() {
    std::array<int, 2> ends{};
    check("pipe2", [&] { return pipe2(ends.data(), O_CLOEXEC); });
    return {unique_fd{ends[0]}, unique_fd{ends[1]}};
}

/// Runs in the child. Returns only if the program cannot be run.
void become(char* const* command, const unique_fd& output, const unique_fd& errors) {
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null == -1 || dup2(null, STDIN_FILENO) == -1 || dup2(output.get(), STDOUT_FILENO) == -1) return;
    if (dup2(errors.get(), STDERR_FILENO) == -1) return;
    execvp(command[0], command);
}

/// Reads what is there. Closes the descriptor at the end.
void read_some(unique_fd& from, std::string& to) {
    std::array<char, 64 * 1024> part;
    const auto count = check("read", [&] { return read(from.get(), part.data(), part.size()); });
    if (count == 0)
        from.reset();
    else
        to.append(part.data(), static_cast<std::size_t>(count));
}

std::string describe(int status) {
    if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace

int main(int argument_count, char* arguments[]) try {
    if (argument_count < 2) {
        std::fprintf(stderr, "usage: capture COMMAND [ARGUMENT ...]\n");
        return 2;
    }
    auto output = make_pipe();
    auto errors = make_pipe();
    auto failure = make_pipe(); // a program that runs closes it (O_CLOEXEC); else it gets errno
    const pid_t child = check("fork", fork);
    if (child == 0) {
        become(arguments + 1, output.writer, errors.writer);
        const int reason = errno;
        (void)!write(failure.writer.get(), &reason, sizeof reason);
        _exit(127);
    }
    // Or this process would have the writing ends, too, and never see the end.
    output.writer.reset();
    errors.writer.reset();
    failure.writer.reset();

    int reason = 0;
    if (check("read", [&] { return read(failure.reader.get(), &reason, sizeof reason); }) != 0) {
        waitpid(child, nullptr, 0);
        std::fprintf(stderr, "capture: cannot run %s: %s\n", arguments[1], std::strerror(reason));
        return 127;
    }
    std::string output_text, error_text;
    while (output.reader || errors.reader) {
        // poll(2) ignores a descriptor of -1.
        std::array<pollfd, 2> events{pollfd{output.reader ? output.reader.get() : -1, POLLIN, 0},
                                     pollfd{errors.reader ? errors.reader.get() : -1, POLLIN, 0}};
        check("poll", [&] { return poll(events.data(), events.size(), -1); });
        if (events[0].revents != 0) read_some(output.reader, output_text);
        if (events[1].revents != 0) read_some(errors.reader, error_text);
    }
    int status = 0;
    check("waitpid", [&] { return waitpid(child, &status, 0); });
    std::printf("%s\noutput: %zu bytes\nerrors: %zu bytes\n", describe(status).c_str(), output_text.size(),
                error_text.size());
} catch (const std::exception& error) {
    std::fprintf(stderr, "capture: %s\n", error.what());
    return 1;
}
