#include "client/compare/analysis/ranking.hpp"

#include <algorithm>
#include <iterator>

namespace parley {

std::vector<std::string> ranking::names(standing which) const {
    std::vector<std::string> all;
    for (std::size_t i = 0; i != rows.size(); ++i)
        if (standings[i] == which) all.push_back(rows[i].first);
    return all;
}

std::vector<std::string> ranking::good() const {
    auto all = names(standing::best);
    std::ranges::move(names(standing::as_good), std::back_inserter(all));
    return all;
}

const std::pair<std::string, interval_estimate>* ranking::first_worse() const {
    const auto found = std::ranges::find(standings, standing::worse);
    return found == standings.end() ? nullptr : &rows[static_cast<std::size_t>(found - standings.begin())];
}

interval_estimate times_worse(const interval_estimate& one, const interval_estimate& best, const metric& by) {
    return by.better == parley::best::highest ? ratio_of(best, one) : ratio_of(one, best);
}

ranking rank(const section& one, const metric& by, const std::vector<std::string>& names) {
    ranking result;
    std::size_t most_rounds = 0;
    for (const auto* row : one.with(by.key)) {
        if (!names.empty() && std::ranges::find(names, row->name) == names.end()) continue;
        result.rows.emplace_back(row->name, *row->find(by.key));
        most_rounds = std::max(most_rounds, result.rows.back().second.values.size());
    }
    const auto is_judged = [&](const auto& row) {
        const auto rounds = row.second.values.size();
        return rounds > 1 && 4 * rounds >= 3 * most_rounds;
    };
    std::ranges::stable_sort(result.rows, [&](const auto& a, const auto& b) {
        if (is_judged(a) != is_judged(b)) return is_judged(a);
        return by.better == best::highest ? a.second.mean > b.second.mean : a.second.mean < b.second.mean;
    });
    for (const auto& row : result.rows) {
        if (!is_judged(row)) {
            result.standings.push_back(standing::not_judged);
        } else if (&row == &result.rows.front()) {
            result.standings.push_back(standing::best);
        } else {
            const auto times = times_worse(row.second, result.rows.front().second, by);
            result.standings.push_back(times.high <= 1 + little ? standing::as_good
                                       : times.low > 1          ? standing::worse
                                                                : standing::open);
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
