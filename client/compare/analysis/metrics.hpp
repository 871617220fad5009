// The table of metrics: key, title, unit and direction of each, for the terminal, the report and comparisons.
#pragma once

#include "client/compare/analysis/statistics.hpp"
#include "client/compare/measure/measure_cell.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace parley {

enum class direction { higher_is_better, lower_is_better };

struct metric {
    std::string_view key;   // "cpu_us"
    std::string_view title; // "server CPU per request"
    std::string_view unit;  // "us"
    direction better;
    /// Returns nullopt if the measurement does not have this metric.
    std::optional<double> (*of)(const measurement&);

    [[nodiscard]] bool is_higher_better() const { return better == direction::higher_is_better; }
};

std::span<const metric> metrics();

/// Throws std::out_of_range if no metric has this key.
const metric& metric_named(std::string_view key);

/// Formats a value with its unit: "98.1k per second", "4.10 MiB".
std::string amount(double value, const metric& metric);

/// Formats a value with unit and title: "90.0 us of server CPU per request", "2.01 waits per request".
std::string titled_amount(double value, const metric& metric);

/// Estimates over the valid rounds, by the key of the metric.
using estimates = std::map<std::string_view, interval_estimate>;

estimates estimates_of(const std::vector<const measurement*>& measurements);

} // namespace parley
