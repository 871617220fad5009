// What parley-load says of a run with --json, as far as a comparison needs it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace parley {

struct load_report {
    double rate = 0;              // requests answered per second, without the warm-up
    std::optional<double> p50_ms; // latency of a request; none where they were too few to tell
    std::optional<double> p99_ms;
    std::uint64_t all_requests = 0; // answered, also in the warm-up, and wrongly
    std::uint64_t connected = 0;    // connections made in all
    int served = 0;                 // connections at a time that had an answer
    std::uint64_t lost_updates = 0; // numbers of a counter that came twice
    double cpu_us = 0;              // of the load itself, per request
    std::string problem;            // what went wrong; empty where nothing did
    std::string doubt;              // why its own verdict calls rate and latency not valid; empty: they are
    std::string text;               // the whole report, as it was written

    /// Throws std::runtime_error where the text is not such a report.
    static load_report parse(std::string text);
};

} // namespace parley
