// Findings of a run in words, computed from the data. Without data there is no sentence.
#pragma once

#include "client/compare/analysis/summary.hpp"
#include "client/compare/host/host_noise.hpp"
#include "client/compare/host/machine.hpp"

#include <string>
#include <vector>

namespace parley {

/// Returns sentences about one section: the servers with the highest rate, the worse ones, and the lowest cost.
std::vector<std::string> findings_of(const section& section);

/// Returns a sentence for each ranked contender: its ratios to the reference, with three decimals.
std::vector<std::string> ratios_of(const section& section);

/// Describes the noise of the rates and the minimum detectable effect. Empty if no table has two servers with
/// two rounds.
std::string noise_finding(const std::vector<section>& sections);

/// Describes the conditions of the run: the machine, the CPU affinity, the test and the host noise.
std::string circumstances(const machine& machine, const host_noise& noise, const plan& plan);

} // namespace parley
