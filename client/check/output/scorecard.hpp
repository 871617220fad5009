// The scorecard of parley-check: as text, JSON, JUnit XML and TAP.
#pragma once

#include "client/check/run_checks.hpp"

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace parley {

/// Returns "passed", "failed", "skipped" or "not sure".
std::string_view name_of(verdict verdict);

struct scorecard {
    std::string server; // its command or address
    std::string profile;
    std::string level;
    std::string assumptions; // what is assumed since the user did not say it
    std::vector<check_outcome> outcomes;

    [[nodiscard]] int count(verdict verdict) const;
    [[nodiscard]] bool has_passed() const { return count(verdict::failed) == 0; }
};

/// Returns the lines of the scorecard, wrapped for a terminal: first what failed and why, then all checks.
std::string text_of(const scorecard& scorecard);

nlohmann::json json_of(const scorecard& scorecard);

/// Returns JUnit's XML, which CI servers read.
std::string junit_of(const scorecard& scorecard);

/// Returns the Test Anything Protocol, version 13.
std::string tap_of(const scorecard& scorecard);

} // namespace parley
