// The scorecard as one HTML file, without scripts and without network: light or dark as the browser wants it,
// and fit for print.
#pragma once

#include "client/check/output/scorecard.hpp"

#include <string>

namespace parley {

std::string html_of(const scorecard& scorecard);

} // namespace parley
