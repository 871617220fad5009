// A randomised block design: contenders under workloads, in several rounds. Each round has a new random order,
// so that host noise hits no server twice at the same position. Servers to be compared run close together,
// because the speed of a machine drifts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace parley {

/// The requests that a server gets, and over which connections.
struct workload {
    std::string id{};       // unique in a plan
    std::string question{}; // the part of the report that it belongs to: "cpu", "levels" ...
    std::string name{};     // title for the reader
    std::string service = "echo";
    int connections = 50;
    std::size_t size = 64;  // bytes of a request
    bool lines = false;     // send whole lines to echo, for a server that reads lines
    int per_connection = 0; // requests per connection before reconnecting; 0: no limit
    std::chrono::milliseconds duration{1000};
    int digits = 100; // of pi, per request
    std::chrono::milliseconds wait{10};
    std::vector<double> open{};                // also open loads at these shares of the measured rate
    int background_clients = 0;                // further connections, which are not measured ...
    int disturbing_digits = 0;                 // ... and request this number of digits of pi
    std::vector<std::string> server_options{}; // added to the contender's own
    std::vector<std::string> contenders{};     // by name; empty: all
    int rounds = 0;                            // 0: those of the plan

    static constexpr std::size_t longest_line = 32'000; // bytes; limit of parley-load --lines

    /// Returns the shortest valid duration: ten times the wait of a request. In a shorter run, requests sent
    /// before the measured time and answered in it would make the rate higher than is possible.
    [[nodiscard]] std::chrono::milliseconds least_duration() const;

    /// "Long-lived connections: echo, 64 bytes, 50 connections"
    [[nodiscard]] std::string to_string() const;
};

/// A server under test: a model of parley-server, or the command of a third-party server.
struct contender {
    std::string name;
    std::string model{};                // empty: a third-party server
    std::vector<std::string> options{}; // of parley-server
    std::string command{};              // run by the shell
    bool in_all = true;                 // false: only in workloads that name it

    /// Returns the command line. A model whose workers keep a connection to its end gets a worker for each
    /// long-lived connection, but at most 256.
    [[nodiscard]] std::vector<std::string> command_line(const workload& load,
                                                        const std::string& parley_server) const;

    /// True if each worker serves many connections. Otherwise the fairness among workers has no meaning.
    [[nodiscard]] bool has_lasting_workers() const;
};

/// Parses "NAME=COMMAND", or a command with {port}, which is named after its program. The shell runs the
/// command. A NAME of capitals is a variable of the shell, as in "FOO=1 ./server {port}", unless a program
/// follows. {port} is replaced by a free port, and the server is ready when that port accepts. A command
/// without {port} must print "listening on HOST:PORT". Throws std::invalid_argument for anything else.
contender external_server(const std::string& definition);

/// One measurement. `contender` and `workload` are indices into the plan.
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
    // CPU affinity. If server and load generator share cores, the scheduler's placement can double a rate.
    std::vector<int> server_cores;
    std::vector<int> load_cores;

    // Paths of the programs; not part of the JSON.
    std::string parley_server;
    std::string parley_load;

    /// Returns all cells, round by round. In each round the workloads are shuffled, and within each workload
    /// the contenders. The same seed gives the same order.
    [[nodiscard]] std::vector<cell> cells() const;

    /// Throws std::invalid_argument for a duplicate name, an unknown contender, or an empty plan.
    void check() const;
};

} // namespace parley
