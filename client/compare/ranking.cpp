#include "client/compare/ranking.hpp"

#include <algorithm>

namespace parley {

ranking rank(const section& one, const figure& by) {
    ranking result;
    for (const auto* each : one.with(by.key)) result.rows.emplace_back(each->name, *each->find(by.key));
    std::ranges::stable_sort(result.rows, [&](const auto& a, const auto& b) {
        return by.better == best::highest ? a.second.median > b.second.median
                                          : a.second.median < b.second.median;
    });
    std::vector<estimate> all;
    for (const auto& [name, value] : result.rows) all.push_back(value);
    result.groups = groups_of(all, by.better);
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

std::string names_of(const ranking& in, const std::vector<std::size_t>& group) {
    std::vector<std::string> names;
    for (const auto each : group) names.push_back(in.rows[each].first);
    return listed(names) + (names.size() > 1 ? " (not told apart)" : "");
}

} // namespace parley
