// fork(2), what a child may do before exec(2), and waiting for two things at once: its output and its end.
#include "common/process/subprocess.hpp"

#include "common/check.hpp"
#include "common/process/process_usage.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace parley {

namespace {

constexpr off_t most_errors = 64 * 1024;

struct pipe_ends {
    unique_fd reader, writer;
};

pipe_ends make_pipe() {
    std::array<int, 2> ends{};
    check("pipe2", [&] { return pipe2(ends.data(), O_CLOEXEC); });
    return {unique_fd{ends[0]}, unique_fd{ends[1]}};
}

/// The child's side: from fork to exec, with async-signal-safe calls only (signal-safety(7)). It must not
/// throw; errno is what went wrong.
void become(char* const* arguments, int input, int output, int errors, std::span<const int> lent,
            pid_t parent) {
    // getppid: the parent may have died before prctl could say what to do then.
    if (setpgid(0, 0) == -1 || prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent) return;
    if (dup2(input, STDIN_FILENO) == -1 || dup2(output, STDOUT_FILENO) == -1) return;
    if (errors != -1 && dup2(errors, STDERR_FILENO) == -1) return;
    for (const int each : lent)
        if (fcntl(each, F_SETFD, 0) == -1) return;
    // What we ignore or block is no business of the program's.
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(arguments[0], arguments);
}

} // namespace

std::optional<int> process_end::exit_code() const {
    if (!WIFEXITED(status)) return std::nullopt;
    return WEXITSTATUS(status);
}

std::string process_end::to_string() const {
    if (const auto code = exit_code()) return "exit code " + std::to_string(*code);
    const char* name = sigabbrev_np(WTERMSIG(status));
    return "killed by " + (name ? std::string{"SIG"} + name : "signal " + std::to_string(WTERMSIG(status)));
}

subprocess::subprocess(std::vector<std::string> command, errors where, int input, std::span<const int> lent)
    : command_{std::move(command)} {
    std::vector<char*> arguments;
    for (auto& argument : command_) arguments.push_back(argument.data());
    arguments.push_back(nullptr);

    const unique_fd null{check("open", "/dev/null", [] { return open("/dev/null", O_RDWR | O_CLOEXEC); })};
    // A file, not a pipe: whoever writes to it never has to wait for a reader.
    if (where == errors::kept)
        kept_errors_ = unique_fd{check("memfd_create", [] { return memfd_create("errors", MFD_CLOEXEC); })};
    // Or what is written after limit_errors() would leave a hole before it.
    if (kept_errors_) check("fcntl", [&] { return fcntl(kept_errors_.get(), F_SETFL, O_APPEND); });
    const int error_target = where == errors::shown     ? -1
                             : where == errors::dropped ? null.get()
                                                        : kept_errors_.get();
    auto out = make_pipe();
    auto failure = make_pipe(); // closed by a successful exec; else it carries errno

    const pid_t parent = getpid();
    pid_ = check("fork", command_.front(), fork);
    if (pid_ == 0) {
        become(arguments.data(), input == -1 ? null.get() : input, out.writer.get(), error_target, lent,
               parent);
        const int reason = errno;
        (void)!write(failure.writer.get(), &reason, sizeof reason);
        _exit(127);
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
        end_ = open_process(pid_);
        check("fcntl", command_.front(), [&] { return fcntl(output_.get(), F_SETFL, O_NONBLOCK); });
    } catch (const std::system_error&) {
        kill(-pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        throw;
    }
}

/// If it is another part of this program that has reaped the process, its number may belong to a stranger by
/// now.
bool subprocess::is_still_known() const {
    siginfo_t end{};
    return ended_ || waitid(P_PIDFD, static_cast<id_t>(end_.get()), &end, WEXITED | WNOHANG | WNOWAIT) == 0;
}

subprocess::~subprocess() {
    if (!is_still_known()) return;
    if (group_left_) kill(-pid_, SIGKILL);
    while (!ended_ && waitpid(pid_, nullptr, 0) == -1 && errno == EINTR) {
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
        if (!output_ || ended_) throw std::runtime_error(command_.front() + " ended without another line");
        if (std::chrono::steady_clock::now() >= deadline)
            throw std::runtime_error(command_.front() + " wrote no line within " +
                                     std::to_string(limit.count()) + " ms");
        wait_for_news(deadline);
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
    if (!ended_) kill(pid_, number);
}

void subprocess::signal_group(int number) const {
    if (!ended_) kill(-pid_, number);
}

std::optional<process_end> subprocess::wait(std::chrono::milliseconds limit, subprocess* other) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    do wait_for_news(deadline, other);
    while (!ended_ && std::chrono::steady_clock::now() < deadline);
    return ended_;
}

void subprocess::wait_for_news(time_point deadline, subprocess* other) {
    using namespace std::chrono;
    if (ended_) return;
    const auto left = ceil<milliseconds>(deadline - steady_clock::now()).count();
    // poll passes over a descriptor of -1.
    std::array<pollfd, 3> news{pollfd{end_.get(), POLLIN, 0}, pollfd{output_.get(), POLLIN, 0},
                               pollfd{other ? other->output_.get() : -1, POLLIN, 0}};
    poll(news.data(), news.size(), static_cast<int>(std::clamp<long>(left, 0, 60'000)));
    limit_errors();
    if (other) other->limit_errors();
    if (news[1].revents != 0) read_output();
    if (other && news[2].revents != 0) other->read_output();
    if (news[0].revents != 0) reap();
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

/// A program may write errors for as long as it runs: only the first ones stay in memory.
void subprocess::limit_errors() const {
    struct stat file {};
    if (kept_errors_ && fstat(kept_errors_.get(), &file) == 0 && file.st_size > 16 * most_errors)
        (void)!ftruncate(kept_errors_.get(), most_errors);
}

void subprocess::reap() {
    process_end end;
    check("wait4", command_.front(), [&] { return wait4(pid_, &end.status, 0, &end.used); });
    ended_ = end;
    // At once: the number of an empty group may come to belong to somebody else.
    group_left_ = kill(-pid_, 0) == 0;
    read_output();
}

} // namespace parley
