// The server that is examined: a program that is started at a free port, or one that runs already. Facts about
// its processes come from /proc (proc(5)).
#pragma once

#include "common/net/address.hpp"
#include "common/process/subprocess.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace parley {

/// How a server is started.
struct server_start {
    std::vector<std::string> command{};     // "{port}" in a word is replaced by the port
    std::optional<int> descriptor_limit{};  // RLIMIT_NOFILE (setrlimit(2))
    std::optional<int> process_limit{};     // RLIMIT_NPROC
    std::vector<std::string> environment{}; // "NAME=VALUE" in addition to this process's
    std::uint16_t port = 0;                 // 0: a free one
    std::string host = "127.0.0.1";         // where "{host}" stands in a word; clients connect to it
};

class examined_server {
public:
    /// Starts the program, and waits until it listens. Throws start_failed if it ends before, or does not
    /// listen within start_limit.
    explicit examined_server(const server_start& start);

    /// A server that runs already: there are no facts about it.
    explicit examined_server(address running) : endpoint_{std::move(running)} {}

    /// Ends the program: its process group, and all processes that it has left.
    ~examined_server();
    examined_server(examined_server&&) = delete;

    [[nodiscard]] const address& endpoint() const { return endpoint_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }

    /// True if this program has started it, so that there are facts.
    [[nodiscard]] bool is_ours() const { return program_.has_value(); }
    [[nodiscard]] pid_t pid() const { return program_->pid(); }
    [[nodiscard]] bool is_running();

    /// Returns how the program ended, or nullopt if it runs.
    [[nodiscard]] std::optional<process_end> end();

    /// Returns the last lines of its standard error, or of its output, for reports.
    [[nodiscard]] std::string last_words();

    /// Returns all that it has written to standard output so far.
    [[nodiscard]] std::string output();

    void signal(int number) const { program_->signal(number); }

    /// Stops all its processes (SIGSTOP), so that what clients do arrives at the same moment.
    void suspend() const;
    void resume() const; // SIGCONT

    /// Lets its threads run at the same time also on a busy machine: a higher priority (setpriority(2)), if
    /// that is allowed, for each process and what it starts from now on.
    void raise_priority() const;

    /// Waits for the end of the program, at most for `limit`.
    std::optional<process_end> wait(std::chrono::milliseconds limit) { return program_->wait(limit); }

    /// Returns the program and its descendants, also those whose parent has ended.
    [[nodiscard]] std::vector<pid_t> processes() const;

    // Sums over processes().
    [[nodiscard]] int threads() const;
    [[nodiscard]] int zombies() const;
    [[nodiscard]] int descriptors() const;
    [[nodiscard]] long memory_kib() const;
    [[nodiscard]] std::chrono::microseconds cpu() const;

    /// True if a thread of it runs, or waits for a CPU or a disk: then it is not waiting for a client.
    [[nodiscard]] bool is_busy() const;

    /// True if a socket listens at the port, of any process.
    [[nodiscard]] static bool is_listening(std::uint16_t port);

    /// How long a server may take to listen. An interpreter on a busy machine takes seconds.
    static constexpr std::chrono::seconds start_limit{15};

private:
    std::optional<subprocess> program_;
    std::string output_;
    address endpoint_;
    std::uint16_t port_ = 0;
};

/// The server did not start. what() says why, with its last words.
class start_failed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Makes this process the parent of all orphans of its servers (PR_SET_CHILD_SUBREAPER, prctl(2)), and gives it
/// a network of its own if that is allowed, so that all ports are free. Call it once.
void prepare_examination(bool has_separate_network);

/// Kills the processes that servers have left, and returns their number.
int end_survivors();

} // namespace parley
