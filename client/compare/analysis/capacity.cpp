#include "client/compare/analysis/capacity.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <limits>

namespace parley {

namespace {

/// Why not all of the connections were served; empty: they were.
std::string obstacle(const row& one, int connections) {
    if (!one.problems.empty()) return one.problems.front().text;
    if (one.served < connections) return fmt::format("only {} were served", one.served);
    return {};
}

} // namespace

std::vector<capacity> capacities_of(const std::vector<section>& all) {
    std::vector<const section*> levels;
    for (const auto& each : all)
        if (each.load.question == "levels") levels.push_back(&each);
    std::ranges::sort(levels, {}, [](const section* each) { return each->load.connections; });

    std::vector<capacity> found;
    for (const auto* level : levels) {
        for (const auto& each : level->rows) {
            auto known = std::ranges::find(found, each.name, &capacity::name);
            if (known == found.end()) known = found.insert(known, {.name = each.name});
            if (known->too_many != 0) continue;
            known->why = obstacle(each, level->load.connections);
            (known->why.empty() ? known->served : known->too_many) = level->load.connections;
        }
    }
    std::ranges::stable_sort(found, std::greater{}, [](const capacity& each) {
        const auto limit = each.too_many == 0 ? std::numeric_limits<int>::max() : each.too_many;
        return std::pair{limit, each.served};
    });
    return found;
}

std::string to_string(const capacity& one) {
    if (one.too_many == 0) return fmt::format("{} served, as many as were tried", one.served);
    return fmt::format("{}{} too many: {}", one.served ? fmt::format("{} served, ", one.served) : "",
                       one.too_many, one.why);
}

} // namespace parley
