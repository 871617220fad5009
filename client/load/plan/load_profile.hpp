// A rate or a number of connections as a function of time: the steps and ramps of --stage.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace parley {

/// One step or ramp: the value changes linearly from `from` to `to`.
struct stage {
    enum class kind { rate, connections };

    std::chrono::milliseconds duration{};
    double from = 0;
    double to = 0;
    kind of = kind::rate;
};

/// Parses "10s@1000", "30s@1000..50000" (requests per second), "10s@50c" or "10s@50..500c" (connections).
/// Throws std::invalid_argument that quotes the text and says what to write.
stage parse_stage(std::string_view text);

/// A sequence of stages, as a function of the time since its start.
class profile {
public:
    using time = std::chrono::nanoseconds;

    /// The value is 0 before the first stage and after the last.
    explicit profile(std::vector<stage> stages) : stages_{std::move(stages)} {}

    [[nodiscard]] time length() const;
    [[nodiscard]] double at(time since_start) const;
    [[nodiscard]] double highest() const;

    /// Returns when the integral of the profile reaches `area`: for a rate, when request number `area` is due.
    /// Returns nullopt if the stages end before that.
    [[nodiscard]] std::optional<time> when_reached(double area) const;

private:
    std::vector<stage> stages_;
};

} // namespace parley
