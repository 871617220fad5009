// Report of parley-load --json: the members that a comparison needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace parley {

struct load_report {
    double rate = 0;              // requests answered per second, without the warm-up
    std::optional<double> p50_ms; // latency; nullopt if there were too few requests
    std::optional<double> p99_ms;
    std::uint64_t all_requests = 0; // answered, including the warm-up and wrong replies
    std::uint64_t connected = 0;    // connections made in total
    int served = 0;                 // concurrent connections that got a response
    std::uint64_t lost_updates = 0; // counter values received twice
    double cpu_us = 0;              // of the load generator, per request
    std::string problem;            // empty: no failure
    std::string invalid_reason;     // why its verdict calls rate and latency not valid; empty: valid
    std::string text;               // the whole report, unchanged

    /// Throws std::runtime_error if the text is no report of parley-load.
    static load_report parse(std::string text);
};

} // namespace parley
