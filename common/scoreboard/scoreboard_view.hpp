// Reads the scoreboard of a running server from another program, as parley-top does. It maps the server's
// shared memory, so it costs the server nothing. Read scoreboard.hpp first.
#pragma once

#include "common/scoreboard/scoreboard.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace parley {

/// Counters of one worker, or their sums over all workers.
struct tally {
    std::uint64_t connections = 0; // started, ever
    std::uint64_t requests = 0;    // answered, ever
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;

    void add(const tally& other) {
        connections += other.connections;
        requests += other.requests;
        bytes_in += other.bytes_in;
        bytes_out += other.bytes_out;
    }
};

struct worker_snapshot {
    int number = 0; // from 1
    pid_t process = 0;
    pid_t thread = 0;
    activity now = activity::none;     // also if the process has died
    std::uint32_t open = 0;            // connections being served now
    tally counted;                     // includes previous workers of that number
    std::chrono::milliseconds since{}; // time since a connection last started or ended
    address peer;                      // of the connection that started last

    [[nodiscard]] bool in_use() const { return now != activity::none; }

    void mark_free() {
        now = activity::none;
        open = 0;
    }
};

struct scoreboard_snapshot {
    std::chrono::steady_clock::time_point at;
    std::chrono::milliseconds uptime{};
    std::optional<std::chrono::milliseconds> stopping; // time since the stop request, if there was one
    std::chrono::milliseconds cpu_time{};              // of all processes; never decreases between snapshots
    std::uint64_t open = 0;
    tally all;
    std::vector<worker_snapshot> workers; // by number, up to the highest that was ever used

    /// Returns the number of workers with that activity.
    [[nodiscard]] std::size_t count(activity activity) const;
};

/// What does not change while the server runs. The texts come from another process: escape them before
/// printing.
struct server_description {
    pid_t process = 0;
    std::string version;
    std::string model;
    std::string service;
    std::vector<std::string> addresses;
};

class scoreboard_view {
public:
    /// Opens the scoreboard of the server that `process` is or belongs to. Throws std::runtime_error if there
    /// is no such process, if it is no parley-server or one with another layout, or if access is denied.
    explicit scoreboard_view(pid_t process);

    [[nodiscard]] const server_description& server() const { return server_; }

    /// Returns the current state, or nullopt if the server has ended.
    [[nodiscard]] std::optional<scoreboard_snapshot> take_snapshot();

    [[nodiscard]] bool has_ended() const;

    /// Returns a descriptor that is readable once the server has ended.
    [[nodiscard]] int descriptor() const { return pidfd_.get(); }

private:
    [[nodiscard]] worker_snapshot read_worker(int number, const scoreboard_snapshot& snapshot) const;
    [[nodiscard]] std::chrono::milliseconds total_cpu_time(const std::vector<worker_snapshot>& workers) const;

    shared_view<server_facts> facts_;
    shared_view<slot> slots_;
    server_description server_;
    unique_fd pidfd_;
    std::chrono::milliseconds cpu_time_{};
};

/// Returns the main processes of all parley-servers that this user runs, by pid.
std::vector<pid_t> running_servers();

} // namespace parley
