#include "client/compare/analysis/ranking.hpp"

#include <algorithm>
#include <iterator>

namespace parley {

std::vector<std::string> ranking::names(standing wanted) const {
    std::vector<std::string> found;
    for (std::size_t i = 0; i != rows.size(); ++i)
        if (standings[i] == wanted) found.push_back(rows[i].first);
    return found;
}

std::vector<std::string> ranking::good() const {
    auto found = names(standing::best);
    std::ranges::move(names(standing::as_good), std::back_inserter(found));
    return found;
}

const std::pair<std::string, interval_estimate>* ranking::first_worse() const {
    const auto found = std::ranges::find(standings, standing::worse);
    return found == standings.end() ? nullptr : &rows[static_cast<std::size_t>(found - standings.begin())];
}

interval_estimate times_worse(const interval_estimate& server, const interval_estimate& best,
                              const metric& metric) {
    return metric.is_higher_better() ? ratio_of(best, server) : ratio_of(server, best);
}

ranking rank(const section& section, const metric& metric, const std::vector<std::string>& names) {
    ranking result;
    std::size_t most_rounds = 0;
    for (const auto* row : section.with(metric.key)) {
        if (!names.empty() && std::ranges::find(names, row->name) == names.end()) continue;
        result.rows.emplace_back(row->name, *row->find(metric.key));
        most_rounds = std::max(most_rounds, result.rows.back().second.values.size());
    }
    const auto is_judged = [&](const auto& row) {
        const auto rounds = row.second.values.size();
        return rounds > 1 && 4 * rounds >= 3 * most_rounds;
    };
    std::ranges::stable_sort(result.rows, [&](const auto& a, const auto& b) {
        if (is_judged(a) != is_judged(b)) return is_judged(a);
        return metric.is_higher_better() ? a.second.mean > b.second.mean : a.second.mean < b.second.mean;
    });
    for (const auto& row : result.rows) {
        if (!is_judged(row)) {
            result.standings.push_back(standing::not_judged);
        } else if (&row == &result.rows.front()) {
            result.standings.push_back(standing::best);
        } else {
            const auto times = times_worse(row.second, result.rows.front().second, metric);
            result.standings.push_back(times.high <= 1 + relevant_difference ? standing::as_good
                                       : times.low > 1                       ? standing::worse
                                                                             : standing::unclear);
        }
    }
    return result;
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i != names.size(); ++i) {
        if (i != 0) text += i + 1 == names.size() ? " and " : ", ";
        text += names[i];
    }
    return text;
}

} // namespace parley
