// The HTML report: one file that needs no other file and no network. The values are computed here. The scripts
// in this folder draw them in the browser.
#pragma once

#include "client/compare/measure/results_json.hpp"

#include <string>

namespace parley {

/// Returns the data of the page: results, estimates, answers, claims, explanations and the cards of the models.
nlohmann::ordered_json report_data(const results& results, const std::string& baseline);

std::string html_of(const results& results, const std::string& baseline);

} // namespace parley
