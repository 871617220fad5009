#include "client/compare/analysis/capacity.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <limits>

namespace parley {

namespace {

/// Returns why not all connections were served, or an empty string if all were.
std::string failure_of(const row& row, int connections) {
    if (!row.problems.empty()) return row.problems.front().text;
    if (row.served < connections) return fmt::format("only {} were served", row.served);
    return {};
}

} // namespace

std::vector<capacity> capacities_of(const std::vector<section>& sections) {
    std::vector<const section*> levels;
    for (const auto& section : sections)
        if (section.load.question == "levels") levels.push_back(&section);
    std::ranges::sort(levels, {}, [](const section* level) { return level->load.connections; });

    std::vector<capacity> found;
    for (const auto* level : levels) {
        for (const auto& row : level->rows) {
            auto server = std::ranges::find(found, row.name, &capacity::name);
            if (server == found.end()) server = found.insert(server, {.name = row.name});
            if (server->too_many != 0) continue;
            server->why = failure_of(row, level->load.connections);
            (server->why.empty() ? server->served : server->too_many) = level->load.connections;
        }
    }
    std::ranges::stable_sort(found, std::greater{}, [](const capacity& server) {
        const auto limit = server.too_many == 0 ? std::numeric_limits<int>::max() : server.too_many;
        return std::pair{limit, server.served};
    });
    return found;
}

std::string to_string(const capacity& capacity) {
    if (capacity.too_many == 0) return fmt::format("{} served, the highest level tried", capacity.served);
    return fmt::format("{}{} too many: {}", capacity.served ? fmt::format("{} served, ", capacity.served) : "",
                       capacity.too_many, capacity.why);
}

} // namespace parley
