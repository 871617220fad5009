// Numbers and durations as text: the only place that decides on digits, units and separators. JSON
// and CSV contain plain numbers instead. duration.hpp reads the durations of options.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley {

/// Returns a measured time with three significant digits: "412 us", "9.99 ms", "1.03 s".
std::string format_duration(std::chrono::nanoseconds time);

/// Returns a count with a comma after each group of three digits: "1,371,105".
std::string format_count(std::uint64_t count);

/// Returns a value with three significant digits and a unit: "9.99 MB", "12.3 MB", "480 MB".
std::string format_quantity(double value, std::string_view unit);

/// Returns a value with three significant digits, scaled by 1,000 (k), 1,000,000 (M) or 10^9 (G): "0.123",
/// "12.3", "12.3k", "1.23M".
std::string format_scaled(double value);

/// Returns the text of a duration that parse_duration() reads: "10s", "1500ms".
std::string format_option(std::chrono::milliseconds time);

// Texts of at most five characters, for the columns of a narrow terminal.

/// Returns a count, from 10,000 on scaled: "1234", "52.1k", "6.5M".
std::string format_short_count(std::uint64_t count);

/// Returns a rate, which has a decimal if it is small: "0", "0.4", "12.5", "1234", "52.1k".
std::string format_short_rate(double per_second);

/// Returns a time in its two largest units: "12s", "3m05", "2h13", "5d02".
std::string format_short_time(std::chrono::milliseconds time);

} // namespace parley
