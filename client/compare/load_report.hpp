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
    std::uint64_t all_requests = 0; // answered, with the warm-up
    int served = 0;                 // connections at a time that had an answer
    std::string problem;            // what went wrong; empty where nothing did
    std::string text;               // the whole report, as it was written

    /// Throws std::runtime_error where the text is not such a report.
    static load_report parse(std::string text);
};

} // namespace parley
