// What a user can ask parley-compare for, and the plan that follows from it.
#pragma once

#include "client/compare/plan.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace parley {

struct compare_options {
    std::vector<std::string> models; // empty: all that the server has
    std::vector<std::string> server_commands;
    std::vector<std::string> workloads{"long-lived", "one-request"};
    std::string service = "echo";
    int connections = 50;
    std::size_t size = 64;
    std::chrono::milliseconds duration{700};
    int rounds = 3;
    std::uint64_t seed = 0;
    bool separate_cores = false;
    std::string baseline;
    std::string json_file;
    std::string parley_server;
    std::string parley_load;
};

void describe_options(CLI::App& app, compare_options& options);

/// Asks parley-server which models and services it has. Throws std::invalid_argument where it lacks what is
/// wanted.
plan plan_of(const compare_options& wanted);

} // namespace parley
