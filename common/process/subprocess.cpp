// Runs a program: fork(2), async-signal-safe set-up in the child, exec(3), and poll(2) for its pipes and its
// end.
#include "common/process/subprocess.hpp"

#include "common/check.hpp"
#include "common/process/exit_with_parent.hpp"
#include "common/process/process_usage.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace parley {

namespace {

/// How much of a long standard error is kept. The first lines name the cause.
constexpr off_t max_errors = 64 * 1024;

/// Returns a copy that is none of the standard descriptors. If this process has closed some of these, a new
/// descriptor gets their number, and would be overwritten in the child by the dup2(2) of another stream.
unique_fd copy_above_standard(int descriptor) {
    return unique_fd{check("fcntl", [&] { return fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); })};
}

unique_fd above_standard(unique_fd descriptor) {
    if (descriptor.get() > STDERR_FILENO) return descriptor;
    return copy_above_standard(descriptor.get());
}

struct pipe_ends {
    unique_fd reader, writer;
};

pipe_ends make_pipe() {
    std::array<int, 2> ends{};
    check("pipe2", [&] { return pipe2(ends.data(), O_CLOEXEC); });
    unique_fd reader{ends[0]}, writer{ends[1]};
    return {above_standard(std::move(reader)), above_standard(std::move(writer))};
}

unique_fd open_file(const char* path, int flags) {
    return above_standard(unique_fd{check("open", path, [&] { return open(path, flags | O_CLOEXEC, 0666); })});
}

/// Returns what the child gets as the standard stream `number`, or no descriptor if it inherits the stream.
/// `own_end` becomes the other end if that is a pipe.
unique_fd open_stream(const redirection& target, int number, unique_fd& own_end) {
    const bool is_input = number == STDIN_FILENO;
    switch (target.type) {
    case redirection::kind::parent:
    case redirection::kind::output: return {};
    case redirection::kind::null: return open_file("/dev/null", O_RDWR);
    case redirection::kind::file:
        return open_file(target.path.c_str(), is_input ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC);
    case redirection::kind::append: return open_file(target.path.c_str(), O_WRONLY | O_CREAT | O_APPEND);
    case redirection::kind::descriptor: return copy_above_standard(target.number);
    case redirection::kind::pipe: break;
    }
    auto ends = make_pipe();
    own_end = std::move(is_input ? ends.writer : ends.reader);
    check("fcntl", [&] { return fcntl(own_end.get(), F_SETFL, O_NONBLOCK); });
    return std::move(is_input ? ends.reader : ends.writer);
}

/// Blocks SIGPIPE while this lives, and removes the one that write(2) has raised in the meantime. MSG_NOSIGNAL
/// is for sockets only, and to ignore the signal would change the whole process.
class sigpipe_blocked {
public:
    sigpipe_blocked() {
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        sigemptyset(&sigpipe_);
        sigaddset(&sigpipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &sigpipe_, &old_mask_);
    }
    sigpipe_blocked(sigpipe_blocked&&) = delete;
    ~sigpipe_blocked() {
        constexpr timespec now{};
        while (!was_pending_ && sigtimedwait(&sigpipe_, nullptr, &now) == -1 && errno == EINTR) {
        }
        pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    }

private:
    bool was_pending_ = false;
    sigset_t sigpipe_{};
    sigset_t old_mask_{};
};

/// Reads what is in `pipe`, and closes it at its end.
void read_available(unique_fd& pipe, std::string* text) {
    std::array<char, 16 * 1024> part;
    while (pipe) {
        const auto count = read(pipe.get(), part.data(), part.size());
        if (count > 0) {
            if (text) text->append(part.data(), static_cast<std::size_t>(count));
        } else if (count == 0) {
            pipe.reset();
        } else if (errno != EINTR) {
            break; // EAGAIN: nothing more for now
        }
    }
}

std::chrono::steady_clock::time_point deadline_after(std::chrono::milliseconds limit) {
    using clock = std::chrono::steady_clock;
    return limit == subprocess::no_limit ? clock::time_point::max() : clock::now() + limit;
}

/// What the child needs after fork, all of it allocated before.
struct child_setup {
    char* const* arguments;
    std::array<int, 3> streams; // set in this order, so errors can go to the new output; -1: inherited
    std::span<const int> inherited;
    bool has_group;
    pid_t parent;
};

/// Runs in the child between fork and exec. The parent may have had other threads, so only async-signal-safe
/// calls are allowed (signal-safety(7)): no memory, no exceptions. Returns only if a call failed, with errno.
void become(const child_setup& setup) {
    if (setup.has_group && setpgid(0, 0) == -1) return;
    // getppid: the parent may have died before prctl took effect; then no signal comes.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != setup.parent) return;
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
        const int target = setup.streams[static_cast<std::size_t>(stream)];
        if (target != -1 && dup2(target, stream) == -1) return;
    }
    for (const int descriptor : setup.inherited)
        if (fcntl(descriptor, F_SETFD, 0) == -1) return;
    // exec(3) keeps ignored and blocked signals; the program must start with the defaults.
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(setup.arguments[0], setup.arguments);
}

} // namespace

subprocess::subprocess(std::vector<std::string> command, errors destination, int input,
                       std::span<const int> inherited)
    : command_{std::move(command)} {
    standard_streams streams;
    if (input != -1) streams.input = redirection::descriptor(input);
    if (destination == errors::dropped) streams.errors = redirection::null();
    if (destination == errors::kept) {
        // A file, not a pipe: a program that writes to it never blocks.
        kept_errors_ = unique_fd{check("memfd_create", [] { return memfd_create("errors", MFD_CLOEXEC); })};
        // O_APPEND: without it, the next write after limit_errors() would leave a hole before it.
        check("fcntl", [&] { return fcntl(kept_errors_.get(), F_SETFL, O_APPEND); });
        streams.errors = redirection::descriptor(kept_errors_.get());
    }
    start(streams, inherited);
}

subprocess::subprocess(std::vector<std::string> command, const standard_streams& streams,
                       std::span<const int> inherited)
    : command_{std::move(command)} {
    start(streams, inherited);
}

void subprocess::start(const standard_streams& streams, std::span<const int> inherited) {
    if (command_.empty()) throw std::invalid_argument("a command needs the name of a program");
    std::vector<char*> arguments;
    for (auto& argument : command_) arguments.push_back(argument.data());
    arguments.push_back(nullptr);

    has_group_ = streams.input.type != redirection::kind::parent;
    takes_input_ = streams.input.type == redirection::kind::pipe;
    const auto input = open_stream(streams.input, STDIN_FILENO, input_);
    const auto output = open_stream(streams.output, STDOUT_FILENO, output_);
    const auto error_stream = open_stream(streams.errors, STDERR_FILENO, errors_);
    const bool is_merged = streams.errors.type == redirection::kind::output;
    auto failure = make_pipe(); // a successful exec closes it; otherwise the child writes errno to it
    const child_setup setup{arguments.data(),
                            {input.get(), output.get(), is_merged ? STDOUT_FILENO : error_stream.get()},
                            inherited,
                            has_group_,
                            getpid()};

    pid_ = check("fork", command_.front(), fork);
    if (pid_ == 0) {
        become(setup);
        const int reason = errno;
        (void)!::write(failure.writer.get(), &reason, sizeof reason);
        _exit(127); // as a shell does if a command cannot be run
    }
    failure.writer.reset();
    int reason = 0;
    if (check("read", [&] { return read(failure.reader.get(), &reason, sizeof reason); }) != 0) {
        waitpid(pid_, nullptr, 0);
        errno = reason;
        throw_errno("exec", command_.front());
    }
    try {
        pidfd_ = open_process(pid_);
    } catch (const std::system_error&) {
        kill(has_group_ ? -pid_ : pid_, SIGKILL);
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
    if (has_group_left_) kill(has_group_ ? -pid_ : pid_, SIGKILL);
    while (!end_ && waitpid(pid_, nullptr, 0) == -1 && errno == EINTR) {
    }
}

std::string subprocess::read_line(std::chrono::milliseconds limit) {
    const auto deadline = deadline_after(limit);
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
        wait_for_event(std::array{this}, deadline);
    }
}

std::string subprocess::rest_of_output() {
    read_output();
    return std::exchange(unread_, {});
}

std::string subprocess::error_output() const {
    if (!kept_errors_) return unread_errors_;
    std::string text;
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

unique_fd subprocess::take_output() {
    // Both programs share the flags of the pipe (open(2)), and few are made for O_NONBLOCK.
    if (output_) check("fcntl", command_.front(), [&] { return fcntl(output_.get(), F_SETFL, 0); });
    return std::move(output_);
}

void subprocess::write(std::string_view text) {
    if (!takes_input_)
        throw std::logic_error(command_.front() + ": standard input is not a pipe, or has been closed");
    unwritten_ += text;
    write_input();
}

void subprocess::close_input() {
    takes_input_ = false;
    write_input();
}

std::optional<program_output> subprocess::communicate(std::string_view input, std::chrono::milliseconds limit) {
    if (!input.empty()) write(input);
    close_input();
    if (!wait_for_all(std::array{this}, limit)) return std::nullopt;
    return program_output{std::exchange(unread_, {}), std::exchange(unread_errors_, {})};
}

bool subprocess::wait_for_all(std::span<subprocess* const> programs, std::chrono::milliseconds limit) {
    const auto deadline = deadline_after(limit);
    const auto is_finished = [](const subprocess* program) {
        return program->end_ && !program->output_ && !program->errors_;
    };
    for (;;) {
        if (std::ranges::all_of(programs, is_finished)) return true;
        if (std::chrono::steady_clock::now() >= deadline) return false;
        wait_for_event(programs, deadline);
    }
}

void subprocess::signal(int number) const {
    if (!end_) kill(pid_, number);
}

void subprocess::signal_group(int number) const {
    if (!end_) kill(has_group_ ? -pid_ : pid_, number);
}

std::optional<process_end> subprocess::wait(std::chrono::milliseconds limit, subprocess* other) {
    const auto deadline = deadline_after(limit);
    const std::array programs{this, other};
    const std::span both{programs.data(), other ? programs.size() : 1};
    while (!end_) {
        wait_for_event(both, deadline);
        if (std::chrono::steady_clock::now() >= deadline) break;
    }
    return end_;
}

/// Waits until one of the programs reads, writes or ends, and serves all that do.
void subprocess::wait_for_event(std::span<subprocess* const> programs, time_point deadline) {
    using namespace std::chrono;
    const auto left = ceil<milliseconds>(deadline - steady_clock::now()).count();
    std::vector<pollfd> events; // poll(2) ignores a descriptor of -1
    for (const auto* program : programs) {
        events.push_back({program->end_ ? -1 : program->pidfd_.get(), POLLIN, 0});
        events.push_back({program->output_.get(), POLLIN, 0});
        events.push_back({program->errors_.get(), POLLIN, 0});
        events.push_back({program->unwritten_.empty() ? -1 : program->input_.get(), POLLOUT, 0});
    }
    // The limit of a minute keeps the number within an int; callers repeat the call.
    ::poll(events.data(), events.size(), static_cast<int>(std::clamp<long>(left, 0, 60'000)));
    auto event = events.begin();
    for (auto* program : programs) {
        program->limit_errors();
        const bool has_ended = event++->revents != 0;
        if (event++->revents != 0) program->read_output();
        if (event++->revents != 0) program->read_output();
        if (event++->revents != 0) program->write_input();
        if (has_ended) program->reap();
    }
}

/// Writes what fits into the pipe.
void subprocess::write_input() {
    if (!unwritten_.empty()) {
        const sigpipe_blocked guard;
        while (input_ && written_ != unwritten_.size()) {
            const auto count =
                ::write(input_.get(), unwritten_.data() + written_, unwritten_.size() - written_);
            if (count >= 0)
                written_ += static_cast<std::size_t>(count);
            else if (errno == EAGAIN)
                return;
            else if (errno != EINTR)
                input_.reset(); // EPIPE: no process reads it any more
        }
    }
    unwritten_ = {};
    written_ = 0;
    if (!takes_input_) input_.reset();
}

void subprocess::read_output() {
    read_available(output_, drops_output_ ? nullptr : &unread_);
    read_available(errors_, &unread_errors_);
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
    has_group_left_ = has_group_ && kill(-pid_, 0) == 0;
    read_output();
}

} // namespace parley
