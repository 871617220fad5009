#include "client/compare/summary.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

namespace parley {

namespace {

/// The measurements of one contender under one workload that count.
using measurements = std::vector<const measurement*>;

double rate_of(const measurement& one) { return one.load.rate; }

/// Nothing: no round has that figure.
template <class Figure>
std::optional<spread> spread_over(const measurements& rounds, Figure figure) {
    std::vector<double> values;
    for (const auto* each : rounds)
        if (const std::optional<double> value = std::invoke(figure, *each)) values.push_back(*value);
    if (values.empty()) return std::nullopt;
    return spread_of(std::move(values));
}

/// Nothing: there is no round in which both count.
template <class Figure>
std::optional<spread> ratio_over(const measurements& rounds, const measurements& reference, Figure figure) {
    return spread_over(rounds, [&](const measurement& mine) -> std::optional<double> {
        const auto same_round = [&](const auto* theirs) { return theirs->where.round == mine.where.round; };
        const auto theirs = std::ranges::find_if(reference, same_round);
        if (theirs == reference.end() || std::invoke(figure, **theirs) <= 0) return std::nullopt;
        return std::invoke(figure, mine) / std::invoke(figure, **theirs);
    });
}

figures figures_of(const measurements& rounds) {
    figures values;
    values.rate = spread_over(rounds, rate_of).value();
    values.p50_ms = spread_over(rounds, [](const auto& one) { return one.load.p50_ms; });
    values.p99_ms = spread_over(rounds, [](const auto& one) { return one.load.p99_ms; });
    values.cpu_us = spread_over(rounds, &measurement::cpu_us_per_request).value();
    values.switches = spread_over(rounds, &measurement::switches_per_request).value();
    values.pss_mib = spread_over(rounds, &measurement::pss_mib).value();
    const auto served = [](const auto* one) { return one->load.served; };
    values.served = served(std::ranges::min(rounds, {}, served));
    return values;
}

void note(std::vector<problem>& problems, const measurement& one) {
    auto known = std::ranges::find(problems, one.problem, &problem::text);
    if (known == problems.end()) known = problems.insert(known, {one.problem, {}});
    known->rounds.push_back(one.where.round);
}

struct counted_row {
    row shown;
    measurements rounds;
};

counted_row row_of(std::string name, const measurements& all) {
    counted_row result;
    result.shown.name = std::move(name);
    for (const auto* each : all) {
        result.shown.left_cleanly = result.shown.left_cleanly && each->left_cleanly;
        if (each->problem.empty())
            result.rounds.push_back(each);
        else
            note(result.shown.problems, *each);
    }
    if (!result.rounds.empty()) result.shown.values = figures_of(result.rounds);
    return result;
}

section section_of(const workload& load, std::vector<counted_row> rows, const std::string& baseline) {
    const auto rate = [](const counted_row& it) { return it.shown.values ? it.shown.values->rate.median : -1; };
    const auto serves_all = [&](const counted_row& it) {
        return it.shown.values && it.shown.values->served >= load.connections;
    };
    std::ranges::stable_sort(rows, std::greater{}, rate);
    const auto unranked = std::ranges::stable_partition(rows, serves_all).begin();

    section result;
    result.load = load;
    result.ranked = static_cast<std::size_t>(unranked - rows.begin());
    const auto reference = std::find_if(rows.begin(), unranked, [&](const counted_row& it) {
        return baseline.empty() || it.shown.name == baseline;
    });
    if (reference != unranked) {
        result.reference = reference->shown.name;
        for (auto it = rows.begin(); it != unranked; ++it) {
            auto& values = *it->shown.values;
            values.rate_ratio = ratio_over(it->rounds, reference->rounds, rate_of);
            values.cpu_ratio = ratio_over(it->rounds, reference->rounds, &measurement::cpu_us_per_request);
        }
    }
    std::ranges::transform(rows, std::back_inserter(result.rows), &counted_row::shown);
    return result;
}

} // namespace

std::vector<section> summarize(const plan& all, const std::vector<measurement>& done,
                               const std::string& baseline) {
    std::vector<section> sections;
    for (std::size_t load = 0; load != all.workloads.size(); ++load) {
        std::vector<counted_row> rows;
        for (std::size_t who = 0; who != all.contenders.size(); ++who) {
            measurements its;
            for (const auto& each : done)
                if (each.where.contender == who && each.where.workload == load) its.push_back(&each);
            if (!its.empty()) rows.push_back(row_of(all.contenders[who].name, its));
        }
        if (!rows.empty()) sections.push_back(section_of(all.workloads[load], std::move(rows), baseline));
    }
    return sections;
}

} // namespace parley
