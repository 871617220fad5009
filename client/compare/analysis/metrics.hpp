// The figures that a measurement has, by name: one table for the terminal, the report and what is compared.
#pragma once

#include "client/compare/analysis/statistics.hpp"
#include "client/compare/measure/measure_cell.hpp"

#include <map>
#include <optional>
#include <span>
#include <string_view>

namespace parley {

struct metric {
    std::string_view key;   // "cpu_us"
    std::string_view title; // "server CPU per request"
    std::string_view unit;  // "us"
    best better;            // which end one wants
    /// Nothing: this measurement cannot tell.
    std::optional<double> (*of)(const measurement&);
};

std::span<const metric> metrics();

/// Throws std::out_of_range for a key that is none.
const metric& metric_named(std::string_view key);

/// Estimates over the rounds that count, for each figure that they have.
using estimates = std::map<std::string_view, interval_estimate>;

estimates estimates_of(const std::vector<const measurement*>& measurements);

} // namespace parley
