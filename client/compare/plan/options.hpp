// What a user can ask parley-compare for, and the plan that follows from it.
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
    std::vector<std::string> models; // empty: all that the server has
    std::vector<std::string> server_commands;
    bool quick = false, full = false;
    std::vector<std::string> questions;
    std::string plan_file;

    // Any of these makes a plan of its own: their product.
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

    std::string output; // where the results go; empty: a new folder in results/
    std::string resume;
    std::vector<std::string> diff;
    std::string json_file;
    std::string parley_server;
    std::string parley_load;
};

void describe_options(CLI::App& app, compare_options& options);

/// Asks parley-server which models and services it has. Throws std::invalid_argument where it lacks what is
/// wanted.
plan plan_of(const compare_options& wanted);

/// Throws std::invalid_argument where the plan has nobody of that name. Empty: the best is meant.
void check_baseline(const plan& all, const std::string& baseline);

/// Says where the programs are, for a plan that was read.
void find_programs(plan& of, const compare_options& wanted);

} // namespace parley
