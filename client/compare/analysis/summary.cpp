#include "client/compare/analysis/summary.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

namespace parley {

namespace {

/// The measurements of one contender under one workload that count.
using measurements = std::vector<const measurement*>;

/// "97 % of a processor" and "98 % of a processor" are one thing.
bool alike_but_for_numbers(std::string_view one, std::string_view other) {
    const auto words = [](std::string_view text) {
        std::string left{text};
        std::erase_if(left,
                      [](char each) { return (each >= '0' && each <= '9') || each == '.' || each == ','; });
        return left;
    };
    return words(one) == words(other);
}

void note(std::vector<problem>& problems, const std::string& text, int round) {
    auto known = std::ranges::find_if(
        problems, [&](const problem& each) { return alike_but_for_numbers(each.text, text); });
    if (known == problems.end()) known = problems.insert(known, {text, {}});
    known->rounds.push_back(round);
}

struct counted_row {
    row shown;
    measurements rounds;
};

counted_row row_of(std::string name, std::size_t number, const measurements& all) {
    counted_row result;
    result.shown.name = std::move(name);
    result.shown.contender = number;
    for (const auto* each : all) {
        result.shown.left_cleanly = result.shown.left_cleanly && each->left_cleanly;
        if (each->problem.empty())
            result.rounds.push_back(each);
        else
            note(result.shown.problems, each->problem, each->where.round);
        if (each->problem.empty() && !each->load.doubt.empty())
            note(result.shown.doubts, each->load.doubt, each->where.round);
    }
    if (result.rounds.empty()) return result;
    const auto served = [](const auto* one) { return one->load.served; };
    result.shown.served = served(std::ranges::min(result.rounds, {}, served));
    result.shown.values = estimates_of(result.rounds);
    return result;
}

/// Fits all ranked rows together, figure by figure. `number` is that of the section, from 1.
void fit(section& one, std::size_t number) {
    std::size_t block = number * metrics().size();
    for (const auto& metric : metrics()) {
        std::vector<interval_estimate*> servers;
        for (std::size_t i = 0; i != one.ranked; ++i) {
            const auto found = one.rows[i].values.find(metric.key);
            if (found != one.rows[i].values.end() && found->second.values.size() > 1)
                servers.push_back(&found->second);
        }
        if (servers.size() > 1) fit_block(servers, block);
        ++block;
    }
}

std::optional<interval_estimate> ratio(const row& one, const row& reference, std::string_view metric) {
    const auto *mine = one.find(metric), *theirs = reference.find(metric);
    if (!mine || !theirs || mine->mean <= 0 || theirs->mean <= 0) return std::nullopt;
    return ratio_of(*mine, *theirs);
}

section section_from(const workload& load, std::vector<counted_row> rows, const std::string& baseline,
                     std::size_t number) {
    const auto rate = [](const counted_row& it) {
        const auto* found = it.shown.find("rate");
        return found ? found->mean : -1;
    };
    const auto serves_all = [&](const counted_row& it) {
        return it.shown.counts() && it.shown.served >= load.connections;
    };
    std::ranges::stable_sort(rows, std::greater{}, rate);
    const auto unranked = std::ranges::stable_partition(rows, serves_all).begin();

    section result;
    result.load = load;
    result.ranked = static_cast<std::size_t>(unranked - rows.begin());
    const auto reference = std::find_if(rows.begin(), unranked, [&](const counted_row& it) {
        return baseline.empty() || it.shown.name == baseline;
    });
    if (reference != unranked) result.reference = reference->shown.name;
    std::ranges::transform(rows, std::back_inserter(result.rows), &counted_row::shown);
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
    const auto found = std::find_if(rows.begin(), end, [&](const row& one) { return one.name == name; });
    return found == end ? nullptr : &*found;
}

std::vector<const row*> section::with(std::string_view metric) const {
    std::vector<const row*> all;
    for (std::size_t i = 0; i != ranked; ++i)
        if (rows[i].find(metric)) all.push_back(&rows[i]);
    return all;
}

std::vector<section> summarize(const plan& all, const std::vector<measurement>& done,
                               const std::string& baseline) {
    std::vector<section> sections;
    for (std::size_t load = 0; load != all.workloads.size(); ++load) {
        std::vector<counted_row> rows;
        for (std::size_t who = 0; who != all.contenders.size(); ++who) {
            measurements its;
            for (const auto& each : done)
                if (each.where.contender == who && each.where.workload == load) {
                    // A round that was lost is measured again: the later one counts.
                    std::erase_if(its, [&](const auto* one) { return one->where.round == each.where.round; });
                    its.push_back(&each);
                }
            std::ranges::sort(its, {}, [](const auto* one) { return one->where.round; });
            if (!its.empty()) rows.push_back(row_of(all.contenders[who].name, who, its));
        }
        if (!rows.empty())
            sections.push_back(section_from(all.workloads[load], std::move(rows), baseline, load + 1));
    }
    return sections;
}

const section* section_of(const std::vector<section>& all, std::string_view workload_id) {
    const auto found =
        std::ranges::find_if(all, [&](const section& one) { return one.load.id == workload_id; });
    return found == all.end() ? nullptr : &*found;
}

} // namespace parley
