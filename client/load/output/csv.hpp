// A table of the intervals of a run, a row each (RFC 4180), for a spreadsheet or a plot.
#pragma once

#include "client/load/engine/intervals.hpp"

#include <string>

namespace parley {

std::string csv_head();

/// Percentiles that rest on too few answers are left empty.
std::string csv_row(const interval& one);

} // namespace parley
