// Bar chart for the terminal, drawn with block characters in eighths of a column.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parley {

struct bar {
    std::string name;
    double value = 0;
    std::string text; // printed after the bar
};

/// Draws the bar of `value` on a scale on which `most` fills `columns`.
std::string bar_of(double value, double most, int columns);

/// Returns a line for each bar, at most 100 columns wide.
std::vector<std::string> chart_of(const std::vector<bar>& bars);

} // namespace parley
