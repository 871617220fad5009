// A sweep: the same servers under workloads that differ in one number. Its curves may cross: who is better at
// one end need not be at the other.
#pragma once

#include "client/compare/analysis/summary.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

struct sweep {
    std::string_view question; // of the workloads that are its points
    std::string_view axis;     // the number that differs, as an axis is called
    std::string_view unit;
    std::array<std::string_view, 2> metrics; // that are drawn, and looked at for crossings
    double (*place)(const workload&);        // the number
};

/// All that a plan may have.
std::span<const sweep> sweeps();

/// The number by which a workload differs from the others of its question; nothing: that is no sweep.
std::optional<double> place_of(const workload& load);

/// Over a sweep, `before` is better than `after` up to `from`, and worse from `to` on: at both places that is
/// shown, and the better one of them is the best of all there, or as good. Between them, nothing was shown.
struct crossing {
    std::string_view question;
    std::string service; // that all points ask for: "pi", "echo, 64 bytes"
    std::string_view axis;
    std::string_view metric;
    std::string before{}, after{};
    double from = 0, to = 0;
};

std::vector<crossing> crossings_of(const std::vector<section>& all);

/// "pi, requests per second by digits of pi: epoll is better up to 50, thread from 100 on."
std::string to_string(const crossing& one);

} // namespace parley
