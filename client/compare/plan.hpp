// What is to be measured: every contender under every workload, in several rounds. Each round has an order of
// its own, so that whatever else the machine does meanwhile meets nobody twice in the same place.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace parley {

/// What is asked of a server, and how.
struct workload {
    std::string name;
    std::string service;
    int connections = 50;
    std::size_t size = 64;  // bytes of a request
    int per_connection = 0; // requests until a connection is made anew; 0: it lives as long as the load
    std::chrono::milliseconds duration{1000};

    /// "long-lived connections: echo, 64 bytes, 50 connections"
    [[nodiscard]] std::string to_string() const;
};

/// A server that is compared with others: any program that prints "listening on HOST:PORT" once it does, and
/// leaves with exit code 0 on SIGTERM.
struct contender {
    std::string name;
    std::function<std::vector<std::string>(const workload&)> server;
};

/// A model of parley-server. One whose workers keep a connection to its end gets as many workers as there are
/// long-lived connections; else the server's default holds.
contender parley_model(std::string model, std::string parley_server);

/// Anybody's server, from "NAME=COMMAND", which the shell splits into words. Throws std::invalid_argument.
contender foreign_server(const std::string& definition);

/// One measurement to be made: the numbers are indices into the plan.
struct cell {
    int round = 1;
    std::size_t contender = 0;
    std::size_t workload = 0;
};

struct plan {
    std::vector<contender> contenders;
    std::vector<workload> workloads;
    int rounds = 3;
    std::uint64_t seed = 0;
    std::string parley_load; // the program that makes the load
    // Where they run; where they share cores, the kernel's choice of who meets whom can double a rate.
    std::vector<int> server_cores;
    std::vector<int> load_cores;

    /// All cells, round by round, each round shuffled; the same seed gives the same order.
    [[nodiscard]] std::vector<cell> cells() const;
};

} // namespace parley
