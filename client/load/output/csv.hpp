// CSV table of the intervals of a run, one row per interval (RFC 4180), for a spreadsheet or a plot.
#pragma once

#include "client/load/engine/intervals.hpp"

#include <string>

namespace parley {

/// Returns the header row.
std::string csv_head();

/// Returns the row of an interval. Percentiles that rest on too few replies are left empty.
std::string csv_row(const interval& interval);

} // namespace parley
