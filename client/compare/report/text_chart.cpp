#include "client/compare/report/text_chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace parley {

std::string bar_of(double value, double most, int columns) {
    constexpr std::array eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (most <= 0 || value <= 0) return {};
    const auto length = static_cast<int>(std::lround(std::min(value / most, 1.0) * columns * 8));
    std::string text;
    for (int i = 0; i != length / 8; ++i) text += "█";
    return text + eighths.at(static_cast<std::size_t>(length % 8));
}

std::vector<std::string> chart_of(const std::vector<bar>& bars) {
    constexpr int columns = 40; // with name and text, a line stays within 100 columns
    double most = 0;
    for (const auto& bar : bars) most = std::max(most, bar.value);
    std::vector<std::string> lines;
    for (const auto& bar : bars)
        lines.push_back(fmt::format("  {:<18.18} {} {}", bar.name, bar_of(bar.value, most, columns), bar.text));
    return lines;
}

} // namespace parley
