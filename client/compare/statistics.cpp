#include "client/compare/statistics.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace parley {

spread spread_of(std::vector<double> values) {
    if (values.empty()) throw std::invalid_argument("no values have no median");
    std::sort(values.begin(), values.end());
    const auto half = values.size() / 2;
    const auto median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
    return {median, values.front(), values.back(), values.size()};
}

bool told_apart(const spread& one, const spread& other) {
    constexpr std::size_t enough = 3;
    if (std::min(one.count, other.count) < enough) return false;
    return one.least > other.most || other.least > one.most;
}

std::vector<std::vector<std::size_t>> groups_of(const std::vector<spread>& all) {
    std::vector<std::size_t> left(all.size());
    std::iota(left.begin(), left.end(), std::size_t{0});
    std::stable_sort(left.begin(), left.end(), [&](auto a, auto b) { return all[a].median > all[b].median; });
    std::vector<std::vector<std::size_t>> groups;
    while (!left.empty()) {
        const auto& leader = all[left.front()];
        const auto others = std::stable_partition(left.begin(), left.end(),
                                                  [&](auto each) { return !told_apart(all[each], leader); });
        groups.emplace_back(left.begin(), others);
        left.erase(left.begin(), others);
    }
    return groups;
}

} // namespace parley
