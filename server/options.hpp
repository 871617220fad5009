// The command line of parley-server.
#pragma once

#include "server/model.hpp"
#include "server/service.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

namespace parley {

struct server_options {
    std::string model = "thread";
    std::string service = "welcome";
    std::vector<std::string> listen; // empty: 127.0.0.1:9999
    std::string accept;              // empty: the model's default
    worker_kind in = worker_kind::threads;
    int workers = 0; // 0: the model's default
    int threads = 0; // 0: the number of usable CPUs
    int min_spare = 0;
    int max_spare = 0;   // 0: twice min_spare
    int max_workers = 0; // 0: 256
    int max_connections_per_worker = 0;
    int max_connections = 10'000;
    int backlog = SOMAXCONN;
    mode_t unix_mode = 0600;
    std::string user;                 // empty: keep the user
    std::vector<std::string> command; // of the model exec
    std::string metrics;              // HOST:PORT; empty: no metrics
    std::chrono::milliseconds idle_timeout{60'000};
    std::chrono::milliseconds grace{10'000};
    std::string log_level = "info";
    service_options services;
};

/// Makes `app` fill in `options`, which must outlive it.
void describe_options(CLI::App& app, server_options& options);

/// Fills in what `options` leaves open, as `model` needs it. Throws std::invalid_argument, with the name of the
/// option, if an option does not fit the model or another option.
void apply_defaults(server_options& options, const model& model);

/// Returns the strategy of that name. Throws std::invalid_argument, with a list of those that fit, if it does
/// not fit the model.
accept_strategy accept_strategy_of(const model& model, std::string_view name);

/// Returns the highest possible number of workers: the slots of the scoreboard.
int most_workers(const server_options& options);

/// Returns the row of that name. Throws std::invalid_argument, with a list of the known names, if there is
/// none.
const model& find_model(std::string_view name);
const service_entry& find_service(std::string_view name);

} // namespace parley
