// The scoreboard seen from outside: what another program may know of a running server, read from the memory
// that its workers write, without asking or disturbing any of them.
#pragma once

#include "common/scoreboard/scoreboard.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace parley {

/// What was counted, by one worker or by all.
struct tally {
    std::uint64_t connections = 0; // begun
    std::uint64_t requests = 0;    // answered
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
    activity now = activity::none;     // also where the process has died
    std::uint32_t open = 0;            // connections that it serves now
    tally counted;                     // also by those who had the number before
    std::chrono::milliseconds since{}; // its last connection began or ended
    address peer;                      // of the connection that began last

    [[nodiscard]] bool in_use() const { return now != activity::none; }

    void leave() {
        now = activity::none;
        open = 0;
    }
};

struct scoreboard_snapshot {
    std::chrono::steady_clock::time_point at;
    std::chrono::milliseconds uptime{};
    std::optional<std::chrono::milliseconds> stopping; // since a stop was requested
    std::chrono::milliseconds processor_time{};        // of all its processes; never less than before
    std::uint64_t open = 0;
    tally all;
    std::vector<worker_snapshot> workers; // by number, up to the last that was ever used

    [[nodiscard]] std::size_t count(activity what) const;
};

/// What does not change as long as the server runs. The texts are the server's own: not to be trusted.
struct server_description {
    pid_t process = 0;
    std::string version;
    std::string model;
    std::string service;
    std::vector<std::string> addresses;
};

class scoreboard_view {
public:
    /// Of the server that `process` is, or belongs to. Throws std::runtime_error with one clear line where
    /// there is no such process, where it is no parley-server or one of another layout, and where the system
    /// forbids to look into it.
    explicit scoreboard_view(pid_t process);

    [[nodiscard]] const server_description& server() const { return server_; }

    /// What it does now. Nothing: it has ended.
    [[nodiscard]] std::optional<scoreboard_snapshot> take_snapshot();

    [[nodiscard]] bool has_ended() const;

    /// Readable when the server has ended.
    [[nodiscard]] int descriptor() const { return end_.get(); }

private:
    [[nodiscard]] worker_snapshot look_at(int number, const scoreboard_snapshot& seen) const;
    [[nodiscard]] std::chrono::milliseconds processor_time(const std::vector<worker_snapshot>& workers) const;

    shared_view<server_facts> facts_;
    shared_view<slot> slots_;
    server_description server_;
    unique_fd end_;
    std::chrono::milliseconds processor_time_{};
};

/// The main processes of all parley-servers that this user runs.
std::vector<pid_t> running_servers();

} // namespace parley
