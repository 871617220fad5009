// A rate, or a number of connections, over time: steps and ramps, as --stage says them.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace parley {

/// A part of the load: from one value to another, on a straight line.
struct stage {
    enum class kind { rate, connections };

    std::chrono::milliseconds duration{};
    double from = 0;
    double to = 0;
    kind of = kind::rate;
};

/// Reads "10s@1000", "30s@1000..50000" (requests a second), "10s@50c" or "10s@50..500c" (connections). Throws
/// std::invalid_argument that names the text and says what to write.
stage parse_stage(std::string_view text);

/// The stages one after the other, as a function of the time since the first began.
class profile {
public:
    using time = std::chrono::nanoseconds;

    /// Zero before and after them.
    explicit profile(std::vector<stage> stages) : stages_{std::move(stages)} {}

    [[nodiscard]] time length() const;
    [[nodiscard]] double at(time since) const;
    [[nodiscard]] double highest() const;

    /// When has the area under the line reached that much? Of a rate: when `area` requests are due. Nothing:
    /// not within the stages.
    [[nodiscard]] std::optional<time> when_reached(double area) const;

private:
    std::vector<stage> stages_;
};

} // namespace parley
