// The report: one HTML file that needs nothing else, no network either. The figures are computed here; what a
// reader sees of them, report/report.js draws in the browser.
#pragma once

#include "client/compare/measure/results_json.hpp"

#include <string>

namespace parley {

/// All that the page shows: the results with their estimates, answers, claims, reasons and the models' cards.
nlohmann::ordered_json report_data(const results& all, const std::string& baseline);

std::string html_of(const results& all, const std::string& baseline);

} // namespace parley
