// Sweeps: the same servers under workloads that differ in one number, and the points at which curves cross.
// The better server at one end of a sweep may be the worse one at the other end.
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
    std::string_view axis;     // title of the x axis
    std::string_view unit;
    std::array<std::string_view, 2> metrics; // drawn, and searched for crossings
    double (*x)(const workload&);            // the number in which the workloads differ
};

/// Returns all sweeps that a plan may have.
std::span<const sweep> sweeps();

/// Returns the number in which a workload differs from the others of its question; nullopt if that question is
/// no sweep.
std::optional<double> x_of(const workload& load);

/// A crossing: `before` is significantly better up to `from`, `after` from `to` on. At both places the better
/// one is the best of all servers, or as good. Between the two places the pair is not clearly different.
struct crossing {
    std::string_view question;
    std::string service; // of all points: "pi", "echo, 64 bytes"
    std::string_view axis;
    std::string_view metric;
    std::string before{}, after{};
    double from = 0, to = 0;
};

std::vector<crossing> crossings_of(const std::vector<section>& sections);

/// "pi, requests per second by digits of pi: epoll is better up to 50, thread from 100 on."
std::string to_string(const crossing& crossing);

} // namespace parley
