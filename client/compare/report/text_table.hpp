// A section as a table for the terminal: one line per contender, at most 100 columns wide.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace parley {

inline constexpr std::size_t table_width = 100;

/// Formats an interval: "36.2..40.1"; "one round" if there is only one value and so no interval.
std::string interval_text(const interval_estimate& estimate);

/// Wraps `text` at table_width columns. The first line keeps its own indentation, the others get `indent`
/// blanks.
std::vector<std::string> wrapped(std::string_view text, std::size_t indent = 0);

/// Returns title, header, a line per row, and below them the problems of the rounds.
std::vector<std::string> table_of(const section& section);

} // namespace parley
