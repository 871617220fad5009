// Runs a program: fork(2), async-signal-safe set-up in the child, exec(3), and poll(2) for both its output and
// its end.
#include "common/process/subprocess.hpp"

#include "common/check.hpp"
#include "common/process/exit_with_parent.hpp"
#include "common/process/process_usage.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace parley {

namespace {

/// How much of a long standard error is kept. The first lines name the cause.
constexpr off_t max_errors = 64 * 1024;

struct pipe_ends {
    unique_fd reader, writer;
};

pipe_ends make_pipe() {
    std::array<int, 2> ends{};
    check("pipe2", [&] { return pipe2(ends.data(), O_CLOEXEC); });
    return {unique_fd{ends[0]}, unique_fd{ends[1]}};
}

/// Runs in the child between fork and exec. The parent may have had other threads, so only async-signal-safe
/// calls are allowed (signal-safety(7)): no memory, no exceptions. Returns only if a call failed, with errno.
void become(char* const* arguments, int input, int output, int errors, std::span<const int> inherited,
            pid_t parent) {
    exit_with_parent(parent);
    if (setpgid(0, 0) == -1) return;
    if (dup2(input, STDIN_FILENO) == -1 || dup2(output, STDOUT_FILENO) == -1) return;
    if (errors != -1 && dup2(errors, STDERR_FILENO) == -1) return;
    for (const int descriptor : inherited)
        if (fcntl(descriptor, F_SETFD, 0) == -1) return;
    // exec(3) keeps ignored and blocked signals; the program must start with the defaults.
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(arguments[0], arguments);
}

} // namespace

subprocess::subprocess(std::vector<std::string> command, errors destination, int input,
                       std::span<const int> inherited)
    : command_{std::move(command)} {
    std::vector<char*> arguments;
    for (auto& argument : command_) arguments.push_back(argument.data());
    arguments.push_back(nullptr);

    const unique_fd null{check("open", "/dev/null", [] { return open("/dev/null", O_RDWR | O_CLOEXEC); })};
    // A file, not a pipe: a program that writes to it never blocks.
    if (destination == errors::kept)
        kept_errors_ = unique_fd{check("memfd_create", [] { return memfd_create("errors", MFD_CLOEXEC); })};
    // O_APPEND: without it, the next write after limit_errors() would leave a hole before it.
    if (kept_errors_) check("fcntl", [&] { return fcntl(kept_errors_.get(), F_SETFL, O_APPEND); });
    const int error_target = destination == errors::shown     ? -1
                             : destination == errors::dropped ? null.get()
                                                              : kept_errors_.get();
    auto out = make_pipe();
    auto failure = make_pipe(); // a successful exec closes it; otherwise the child writes errno to it

    const pid_t parent = getpid();
    pid_ = check("fork", command_.front(), fork);
    if (pid_ == 0) {
        become(arguments.data(), input == -1 ? null.get() : input, out.writer.get(), error_target, inherited,
               parent);
        const int reason = errno;
        (void)!write(failure.writer.get(), &reason, sizeof reason);
        _exit(127); // as a shell does if a command cannot be run
    }
    failure.writer.reset();
    int reason = 0;
    if (check("read", [&] { return read(failure.reader.get(), &reason, sizeof reason); }) != 0) {
        waitpid(pid_, nullptr, 0);
        errno = reason;
        throw_errno("exec", command_.front());
    }
    output_ = std::move(out.reader);
    try {
        pidfd_ = open_process(pid_);
        check("fcntl", command_.front(), [&] { return fcntl(output_.get(), F_SETFL, O_NONBLOCK); });
    } catch (const std::system_error&) {
        kill(-pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        throw;
    }
}

/// True if the pid still belongs to the process. If another part of this program has reaped it, the kernel may
/// have given the pid to an unrelated process.
bool subprocess::is_unreaped() const {
    siginfo_t info{};
    return end_ || waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

subprocess::~subprocess() {
    if (!is_unreaped()) return;
    if (has_group_left_) kill(-pid_, SIGKILL);
    while (!end_ && waitpid(pid_, nullptr, 0) == -1 && errno == EINTR) {
    }
}

std::string subprocess::read_line(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
        const auto newline = unread_.find('\n');
        if (newline != std::string::npos) {
            auto line = unread_.substr(0, newline);
            unread_.erase(0, newline + 1);
            return line;
        }
        if (!output_ || end_) throw std::runtime_error(command_.front() + " ended without another line");
        if (std::chrono::steady_clock::now() >= deadline)
            throw std::runtime_error(command_.front() + " wrote no line within " +
                                     std::to_string(limit.count()) + " ms");
        wait_for_event(deadline);
    }
}

std::string subprocess::rest_of_output() {
    read_output();
    return std::exchange(unread_, {});
}

std::string subprocess::error_output() const {
    std::string text;
    if (!kept_errors_) return text;
    std::array<char, 4096> part;
    while (const auto count = check("pread", [&] {
               return pread(kept_errors_.get(), part.data(), part.size(), static_cast<off_t>(text.size()));
           }))
        text.append(part.data(), static_cast<std::size_t>(count));
    return text;
}

std::string subprocess::first_error() const {
    const auto text = error_output();
    return text.substr(0, text.find('\n'));
}

void subprocess::drop_output() {
    drops_output_ = true;
    unread_.clear();
}

void subprocess::signal(int number) const {
    if (!end_) kill(pid_, number);
}

void subprocess::signal_group(int number) const {
    if (!end_) kill(-pid_, number);
}

std::optional<process_end> subprocess::wait(std::chrono::milliseconds limit, subprocess* other) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    do wait_for_event(deadline, other);
    while (!end_ && std::chrono::steady_clock::now() < deadline);
    return end_;
}

void subprocess::wait_for_event(time_point deadline, subprocess* other) {
    using namespace std::chrono;
    if (end_) return;
    const auto left = ceil<milliseconds>(deadline - steady_clock::now()).count();
    // poll(2) ignores a descriptor of -1. The limit of a minute keeps the number within an int; wait() repeats
    // the call.
    std::array<pollfd, 3> events{pollfd{pidfd_.get(), POLLIN, 0}, pollfd{output_.get(), POLLIN, 0},
                                 pollfd{other ? other->output_.get() : -1, POLLIN, 0}};
    poll(events.data(), events.size(), static_cast<int>(std::clamp<long>(left, 0, 60'000)));
    limit_errors();
    if (other) other->limit_errors();
    if (events[1].revents != 0) read_output();
    if (other && events[2].revents != 0) other->read_output();
    if (events[0].revents != 0) reap();
}

void subprocess::read_output() {
    std::array<char, 4096> part;
    while (output_) {
        const auto count = read(output_.get(), part.data(), part.size());
        if (count > 0) {
            if (!drops_output_) unread_.append(part.data(), static_cast<std::size_t>(count));
        } else if (count == 0) {
            output_.reset();
        } else if (errno != EINTR) {
            break; // EAGAIN: nothing more for now
        }
    }
}

/// Cuts the kept errors to their first part once they are 16 times as long. So a program that writes errors for
/// days does not fill the memory.
void subprocess::limit_errors() const {
    struct stat file {};
    if (kept_errors_ && fstat(kept_errors_.get(), &file) == 0 && file.st_size > 16 * max_errors)
        (void)!ftruncate(kept_errors_.get(), max_errors);
}

void subprocess::reap() {
    process_end end;
    check("wait4", command_.front(), [&] { return wait4(pid_, &end.status, 0, &end.used); });
    end_ = end;
    // Checked right after wait4(2): the kernel may reuse the id of an empty group.
    has_group_left_ = kill(-pid_, 0) == 0;
    read_output();
}

} // namespace parley
