// What parley-server can be told on its command line.
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
    std::vector<std::string> listen; // none: 127.0.0.1:9999
    std::string accept;              // empty: the model's first
    worker_kind in = worker_kind::threads;
    int workers = 0; // 0: the model's own number
    int threads = 0; // 0: as many as there are processors to use
    int min_spare = 0;
    int max_spare = 0;   // 0: twice min_spare
    int max_workers = 0; // 0: 256
    int max_connections_per_worker = 0;
    int max_connections = 10'000;
    int backlog = SOMAXCONN;
    mode_t unix_mode = 0600;
    std::string user;                 // empty: stay who we are
    std::vector<std::string> command; // what exec runs
    std::string metrics;              // where to serve them; empty: nowhere
    std::chrono::milliseconds idle_timeout{60'000};
    std::chrono::milliseconds grace{10'000};
    std::string log_level = "info";
    service_options services;
};

/// Makes `app` fill in `options`, which must outlive it.
void describe_options(CLI::App& app, server_options& options);

/// Fills in what `options` leaves open, as `chosen` needs it. Throws std::invalid_argument that names the
/// option which does not fit the model, or another option.
void apply_defaults(server_options& options, const model& chosen);

/// Throws std::invalid_argument that lists what fits.
accept_strategy accept_strategy_of(const model& chosen, std::string_view name);

/// The most workers that there can be: slots on the scoreboard.
int most_workers(const server_options& options);

/// The row of that name. Throws std::invalid_argument that lists the known ones.
const model& find_model(std::string_view name);
const service_entry& find_service(std::string_view name);

} // namespace parley
