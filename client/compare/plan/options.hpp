// Command-line options of parley-compare, and the plan that they define.
#pragma once

#include "client/compare/plan/plan.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parley {

struct compare_options {
    std::vector<std::string> models; // empty: all TCP models of parley-server
    std::vector<std::string> server_commands;
    bool quick = false, full = false;
    std::vector<std::string> questions;
    std::string plan_file;

    // Each of these options selects a plan of the user's own: the product of their values.
    std::vector<std::string> workloads{"long-lived", "one-request"};
    std::vector<std::string> services{"echo"};
    std::vector<int> connections{50};
    std::vector<std::size_t> sizes{64};
    bool is_product = false;

    std::optional<std::chrono::milliseconds> duration;
    std::optional<int> rounds;
    std::optional<std::uint64_t> seed;
    bool separate_cores = false;
    bool lines = false;
    std::string baseline;

    std::string output; // folder for the results; empty: a new folder in results/
    std::string resume;
    std::vector<std::string> diff;
    std::string json_file;
    std::string parley_server;
    std::string parley_load;
};

void describe_options(CLI::App& app, compare_options& options);

/// Returns the plan for the options. Runs parley-server to get its models and services. Throws
/// std::invalid_argument if it lacks one, or if options contradict each other.
plan plan_of(const compare_options& options);

/// Throws std::invalid_argument if the plan has no contender of that name. An empty name means the best one.
void check_baseline(const plan& plan, const std::string& baseline);

/// Sets the paths of the programs, which a plan file does not contain.
void find_programs(plan& plan, const compare_options& options);

} // namespace parley
