// A section as text: one line per contender, at most 100 columns wide.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace parley {

inline constexpr std::size_t table_width = 100;

/// "36.2..40.1"; "one round" if one value gives no interval.
std::string interval_text(const interval_estimate& one);

/// `text` in lines of at most table_width columns, each but the first indented by `indent` blanks;
/// the first keeps its own.
std::vector<std::string> wrapped(std::string_view text, std::size_t indent = 0);

/// Title, header, a line per row, and below them what went wrong.
std::vector<std::string> table_of(const section& one);

} // namespace parley
