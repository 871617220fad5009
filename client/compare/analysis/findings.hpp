// What the figures say, in words: computed from the data, and silent where the data are.
#pragma once

#include "client/compare/analysis/summary.hpp"
#include "client/compare/host/host_noise.hpp"
#include "client/compare/host/machine.hpp"

#include <string>
#include <vector>

namespace parley {

/// Sentences about one section: which server answered most, which are worse, which spent least.
std::vector<std::string> findings_of(const section& one);

/// A sentence for each ranked contender: how it relates to the section's reference, to three digits.
std::vector<std::string> ratios_of(const section& one);

/// How much rates differed between the rounds, and which differences that lets be shown. Empty if no table has
/// two servers with two rounds.
std::string noise_finding(const std::vector<section>& all);

/// What to know before believing any of it: where, how often, and what else had the processors.
std::string circumstances(const machine& where, const host_noise& meanwhile, const plan& all);

} // namespace parley
