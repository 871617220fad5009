// Files that are built into the program, so that it needs nothing beside it: see embedded.S.
#pragma once

#include <string_view>

namespace parley::embedded {

std::string_view report_html(); // report/report.html
std::string_view report_css();
std::string_view report_js();
std::string_view chart_js();    // Chart.js, as Debian packs it
std::string_view model_cards(); // the heads of server/models/*.cpp

} // namespace parley::embedded
