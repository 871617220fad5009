// What is to be measured: contenders under workloads, in several rounds. Each round has an order of its own, so
// that whatever else the machine does meanwhile meets nobody twice in the same place; who is compared with whom
// is measured close together, since a machine drifts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace parley {

/// What is asked of a server, and how.
struct workload {
    std::string id{};       // unique in a plan
    std::string question{}; // which part of the report it is for: "cpu", "levels" ...
    std::string name{};     // for a person
    std::string service = "echo";
    int connections = 50;
    std::size_t size = 64;  // bytes of a request
    bool lines = false;     // what is sent to echo are lines, for a server that waits for whole ones
    int per_connection = 0; // requests until a connection is made anew; 0: it lives as long as the load
    std::chrono::milliseconds duration{1000};
    int digits = 100; // asked of pi
    std::chrono::milliseconds wait{10};
    std::vector<double> open{};                // also at these shares of the rate found, at a fixed rate
    int background_clients = 0;                // connections beside, which are not measured ...
    int disturbing_digits = 0;                 // ... and ask for so many digits of pi
    std::vector<std::string> server_options{}; // beside the contender's own
    std::vector<std::string> contenders{};     // by name; none: all
    int rounds = 0;                            // 0: as many as the plan has

    static constexpr std::size_t longest_line = 32'000; // that parley-load sends

    /// Ten times as long as the requests wait: in less time those that were asked before the counted time, and
    /// answered in it, make the rate higher than there can be.
    [[nodiscard]] std::chrono::milliseconds least_duration() const;

    /// "Long-lived connections: echo, 64 bytes, 50 connections"
    [[nodiscard]] std::string to_string() const;
};

/// A server that is compared with others: a model of parley-server, or a command of anybody's.
struct contender {
    std::string name;
    std::string model{};                // empty: a server of others
    std::vector<std::string> options{}; // of parley-server
    std::string command{};              // for the shell
    bool in_all = true;                 // false: only where a workload names it

    /// What starts it. A model whose workers keep a connection to its end gets as many workers as there are
    /// long-lived connections, but at most 256.
    [[nodiscard]] std::vector<std::string> words(const workload& load, const std::string& parley_server) const;

    /// Does each of its workers serve many connections? Else how evenly they share says nothing.
    [[nodiscard]] bool keeps_workers() const;
};

/// A server from "NAME=COMMAND", or from a command with {port}, which is then called as its program. The shell
/// runs the command, whatever is in it. A NAME of capitals is a variable of the shell, as in "FOO=1 ./server
/// {port}", unless a program follows. A command that says {port} gets a free port there, and is ready when that
/// port accepts; any other prints "listening on HOST:PORT". Throws std::invalid_argument.
contender foreign_server(const std::string& definition);

/// One measurement to be made: the numbers are indices into the plan.
struct cell {
    int round = 1;
    std::size_t contender = 0;
    std::size_t workload = 0;

    friend bool operator==(const cell&, const cell&) = default;
};

struct plan {
    std::string name = "chosen"; // or "quick", "full"
    std::vector<contender> contenders;
    std::vector<workload> workloads;
    int rounds = 3;
    std::uint64_t seed = 0;
    // Where they run; where they share cores, the kernel's choice of who meets whom can double a rate.
    std::vector<int> server_cores;
    std::vector<int> load_cores;

    // The programs: where they are is no part of what was planned.
    std::string parley_server;
    std::string parley_load;

    /// All cells, round by round: in each round the workloads are shuffled, and of each workload the contenders
    /// (a randomised block design); the same seed gives the same order.
    [[nodiscard]] std::vector<cell> cells() const;

    /// Throws std::invalid_argument for two of one name, a contender that is not there, and nothing to do.
    void check() const;
};

} // namespace parley
