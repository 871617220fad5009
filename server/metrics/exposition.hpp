// The scoreboard in the text format that Prometheus scrapes
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
#pragma once

#include "common/scoreboard/scoreboard_view.hpp"

#include <string>

namespace parley {

/// Single workers are told apart up to this number; all are in the sums. A server of ten thousand must not make
/// as many time series.
inline constexpr int most_single_workers = 64;

std::string metrics_of(const server_description& server, const scoreboard_snapshot& now);

} // namespace parley
