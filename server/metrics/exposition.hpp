// Formats the scoreboard as Prometheus scrapes it: its text-based exposition format
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
#pragma once

#include "common/scoreboard/scoreboard_view.hpp"

#include <string>

namespace parley {

/// Workers up to this number have time series of their own; all are in the totals. A server with ten thousand
/// workers must not make ten thousand time series.
inline constexpr int max_single_workers = 64;

std::string metrics_of(const server_description& server, const scoreboard_snapshot& now);

} // namespace parley
