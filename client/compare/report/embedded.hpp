// Files built into the program, so that it needs no data files: see embedded.S.
#pragma once

#include <string_view>

namespace parley::embedded {

std::string_view report_html(); // report/report.html
std::string_view report_css();
std::string_view report_js();
std::string_view chart_js();    // Chart.js of Debian's libjs-chart.js
std::string_view model_cards(); // the opening comments of server/models/*.cpp

} // namespace parley::embedded
