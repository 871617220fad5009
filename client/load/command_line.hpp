// The command line of parley-load: its options in groups, and the checks that need more than one option.
#pragma once

#include "client/load/plan/load_options.hpp"
#include "client/load/plan/threshold.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace parley {

/// The files that a run writes in addition to its report, and what it is compared with. Empty: none.
struct output_names {
    std::string json;
    std::string csv;
    std::string percentiles; // HdrHistogram's text of percentiles
    std::string log;         // HdrHistogram's interval log
    std::string baseline;    // the JSON report of an earlier run
    std::string against;     // the address of another server
};

/// The values of all options.
struct load_arguments {
    load_options options;
    output_names outputs;
    std::optional<threshold> knee_target; // --find-knee
    std::optional<int> repeats;           // --repeat
    bool is_agent = false;                // --agent
    std::string agent_endpoint;
    std::string secret_file;

    // apply_defaults() moves these to `options` if the command line gives them.
    std::chrono::milliseconds duration{10'000};
    std::chrono::milliseconds warm_up{1'000};
    std::chrono::milliseconds interval{1'000};
    std::uint64_t total_requests = 0;
    tls_options tls;
    bool uses_tls = false;
};

/// Adds all options to `app`. Parsing stores their values in `arguments`, which must outlive `app`.
void add_options(CLI::App& app, load_arguments& arguments);

/// Completes `arguments` after parsing. Throws std::invalid_argument if options contradict each other.
void apply_defaults(const CLI::App& app, load_arguments& arguments);

} // namespace parley
