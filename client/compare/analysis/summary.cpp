#include "client/compare/analysis/summary.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

namespace parley {

namespace {

/// Measurements of one contender under one workload.
using measurement_list = std::vector<const measurement*>;

/// True if two texts differ only in their numbers, like "97 % of a CPU" and "98 % of a CPU".
bool has_same_words(std::string_view left, std::string_view right) {
    const auto words = [](std::string_view text) {
        std::string rest{text};
        std::erase_if(rest, [](char character) {
            return (character >= '0' && character <= '9') || character == '.' || character == ',';
        });
        return rest;
    };
    return words(left) == words(right);
}

void note(std::vector<problem>& problems, const std::string& text, int round) {
    auto known = std::ranges::find_if(
        problems, [&](const problem& problem) { return has_same_words(problem.text, text); });
    if (known == problems.end()) known = problems.insert(known, {text, {}});
    known->rounds.push_back(round);
}

row row_of(std::string name, std::size_t contender, const measurement_list& measurements) {
    row row;
    row.name = std::move(name);
    row.contender = contender;
    measurement_list valid;
    for (const auto* measurement : measurements) {
        row.left_cleanly = row.left_cleanly && measurement->left_cleanly;
        if (measurement->problem.empty())
            valid.push_back(measurement);
        else
            note(row.problems, measurement->problem, measurement->where.round);
        if (measurement->problem.empty() && !measurement->load.invalid_reason.empty())
            note(row.invalid, measurement->load.invalid_reason, measurement->where.round);
    }
    if (valid.empty()) return row;
    const auto served = [](const auto* measurement) { return measurement->load.served; };
    row.served = served(std::ranges::min(valid, {}, served));
    row.values = estimates_of(valid);
    return row;
}

/// Fits all ranked rows together, by each metric. `number` is that of the section, from 1.
void fit(section& section, std::size_t number) {
    std::size_t block = number * metrics().size();
    for (const auto& metric : metrics()) {
        std::vector<interval_estimate*> servers;
        for (std::size_t i = 0; i != section.ranked; ++i) {
            auto& values = section.rows[i].values;
            const auto found = values.find(metric.key);
            if (found != values.end() && found->second.values.size() > 1) servers.push_back(&found->second);
        }
        if (servers.size() > 1) fit_block(servers, block);
        ++block;
    }
}

std::optional<interval_estimate> ratio(const row& row, const parley::row& reference, std::string_view metric) {
    const auto *value = row.find(metric), *base = reference.find(metric);
    if (!value || !base || value->mean <= 0 || base->mean <= 0) return std::nullopt;
    return ratio_of(*value, *base);
}

section section_from(const workload& load, std::vector<row> rows, const std::string& baseline,
                     std::size_t number) {
    const auto rate = [](const row& row) {
        const auto* found = row.find("rate");
        return found ? found->mean : -1;
    };
    const auto serves_all = [&](const row& row) { return row.counts() && row.served >= load.connections; };
    std::ranges::stable_sort(rows, std::greater{}, rate);
    const auto unranked = std::ranges::stable_partition(rows, serves_all).begin();

    section result;
    result.load = load;
    result.ranked = static_cast<std::size_t>(unranked - rows.begin());
    const auto reference = std::find_if(
        rows.begin(), unranked, [&](const row& row) { return baseline.empty() || row.name == baseline; });
    if (reference != unranked) result.reference = reference->name;
    result.rows = std::move(rows);
    fit(result, number);
    if (const auto* best = result.ranked_row(result.reference))
        for (std::size_t i = 0; i != result.ranked; ++i) {
            result.rows[i].rate_ratio = ratio(result.rows[i], *best, "rate");
            result.rows[i].cpu_ratio = ratio(result.rows[i], *best, "cpu_us");
        }
    return result;
}

} // namespace

const interval_estimate* row::find(std::string_view metric) const {
    const auto found = values.find(metric);
    return found == values.end() ? nullptr : &found->second;
}

const row* section::ranked_row(std::string_view name) const {
    const auto end = rows.begin() + static_cast<std::ptrdiff_t>(ranked);
    const auto found = std::find_if(rows.begin(), end, [&](const row& row) { return row.name == name; });
    return found == end ? nullptr : &*found;
}

std::vector<const row*> section::with(std::string_view metric) const {
    std::vector<const row*> found;
    for (std::size_t i = 0; i != ranked; ++i)
        if (rows[i].find(metric)) found.push_back(&rows[i]);
    return found;
}

std::vector<section> summarize(const plan& plan, const std::vector<measurement>& measurements,
                               const std::string& baseline) {
    std::vector<section> sections;
    for (std::size_t load = 0; load != plan.workloads.size(); ++load) {
        std::vector<row> rows;
        for (std::size_t contender = 0; contender != plan.contenders.size(); ++contender) {
            measurement_list cells;
            for (const auto& measurement : measurements)
                if (measurement.where.contender == contender && measurement.where.workload == load) {
                    // A lost round is measured again. The later measurement replaces the earlier one.
                    std::erase_if(cells, [&](const auto* earlier) {
                        return earlier->where.round == measurement.where.round;
                    });
                    cells.push_back(&measurement);
                }
            std::ranges::sort(cells, {}, [](const auto* cell) { return cell->where.round; });
            if (!cells.empty()) rows.push_back(row_of(plan.contenders[contender].name, contender, cells));
        }
        if (!rows.empty())
            sections.push_back(section_from(plan.workloads[load], std::move(rows), baseline, load + 1));
    }
    return sections;
}

const section* section_of(const std::vector<section>& sections, std::string_view workload_id) {
    const auto found =
        std::ranges::find_if(sections, [&](const section& section) { return section.load.id == workload_id; });
    return found == sections.end() ? nullptr : &*found;
}

} // namespace parley
