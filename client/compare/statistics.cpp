#include "client/compare/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <utility>

namespace parley {

namespace {

constexpr int resamples = 2000;
constexpr double tail = 0.025; // on each side of a 95 % interval

/// A median of as many values, drawn from them with replacement.
double resampled_median(const std::vector<double>& values, std::mt19937_64& random) {
    std::uniform_int_distribution<std::size_t> any{0, values.size() - 1};
    std::vector<double> drawn(values.size());
    for (auto& each : drawn) each = values[any(random)];
    return median_of(std::move(drawn));
}

template <class Draw>
std::pair<double, double> interval_of(Draw draw) {
    std::mt19937_64 random{1}; // the same values give the same interval
    std::vector<double> drawn(resamples);
    for (auto& each : drawn) each = draw(random);
    std::ranges::sort(drawn);
    constexpr auto cut = static_cast<std::size_t>(resamples * tail);
    return {drawn[cut], drawn[resamples - 1 - cut]};
}

/// Twice the rank of each value among all, so that the mean rank of equal ones is a whole number.
std::vector<std::size_t> doubled_ranks(const std::vector<double>& all) {
    std::vector<std::size_t> ranks;
    for (const auto each : all) {
        const auto below = std::ranges::count_if(all, [&](auto other) { return other < each; });
        const auto equal = std::ranges::count(all, each);
        ranks.push_back(static_cast<std::size_t>(2 * below + equal + 1));
    }
    return ranks;
}

/// How many ways there are to choose `count` of the ranks, by their sum.
std::vector<double> ways_by_sum(const std::vector<std::size_t>& ranks, std::size_t count) {
    const auto most = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
    std::vector<std::vector<double>> ways(count + 1, std::vector<double>(most + 1));
    ways[0][0] = 1;
    for (const auto rank : ranks)
        for (auto chosen = count; chosen > 0; --chosen)
            for (auto sum = most; sum >= rank; --sum) ways[chosen][sum] += ways[chosen - 1][sum - rank];
    return ways[count];
}

/// By how many standard deviations two must differ to be told apart 9 times in 10, with 4 to 8 rounds each:
/// found by simulation. With more rounds it shrinks as the root of their number.
constexpr std::size_t fewest_rounds = 4;
constexpr std::array deviations_shown{3.35, 3.06, 2.41, 2.17, 1.97};
constexpr auto most_simulated = fewest_rounds + deviations_shown.size() - 1;

} // namespace

double median_of(std::vector<double> values) {
    if (values.empty()) throw std::invalid_argument("no values have no median");
    std::ranges::sort(values);
    const auto half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

estimate estimate_of(std::vector<double> values) {
    const auto median = median_of(values);
    const auto [low, high] = interval_of([&](auto& random) { return resampled_median(values, random); });
    return {median, low, high, std::move(values)};
}

estimate ratio_of(const estimate& one, const estimate& other) {
    const auto [low, high] = interval_of([&](auto& random) {
        const auto above = resampled_median(one.values, random);
        return above / resampled_median(other.values, random);
    });
    return {one.median / other.median, low, high, {}};
}

double p_value(const estimate& one, const estimate& other) {
    auto all = one.values;
    all.insert(all.end(), other.values.begin(), other.values.end());
    const auto ranks = doubled_ranks(all);
    const auto own = ranks.begin() + static_cast<std::ptrdiff_t>(one.values.size());
    const auto observed = static_cast<double>(std::accumulate(ranks.begin(), own, std::size_t{0}));
    const auto expected = static_cast<double>(one.values.size() * (all.size() + 1));

    const auto ways = ways_by_sum(ranks, one.values.size());
    double as_far = 0;
    for (std::size_t sum = 0; sum != ways.size(); ++sum)
        if (std::abs(static_cast<double>(sum) - expected) >= std::abs(observed - expected)) as_far += ways[sum];
    return as_far / std::accumulate(ways.begin(), ways.end(), 0.0);
}

bool told_apart(const estimate& one, const estimate& other) { return p_value(one, other) <= chance_allowed; }

double noise_of(const estimate& one) {
    std::vector<double> distances;
    for (const auto each : one.values) distances.push_back(std::abs(each - one.median));
    constexpr double deviations_of_a_bell_curve = 1.4826; // in half of its values' distance from the middle
    return one.median == 0 ? 0 : deviations_of_a_bell_curve * median_of(std::move(distances)) / one.median;
}

double least_shown(double noise, std::size_t rounds) {
    if (rounds < fewest_rounds) return std::numeric_limits<double>::infinity();
    const auto simulated = std::min(rounds, most_simulated);
    return noise * deviations_shown.at(simulated - fewest_rounds) *
           std::sqrt(static_cast<double>(simulated) / static_cast<double>(rounds));
}

std::size_t rounds_to_show(double difference, double noise) {
    auto rounds = fewest_rounds;
    while (least_shown(noise, rounds) > difference) ++rounds;
    return rounds;
}

std::vector<std::vector<std::size_t>> groups_of(const std::vector<estimate>& all, best first) {
    std::vector<std::size_t> left(all.size());
    std::iota(left.begin(), left.end(), std::size_t{0});
    std::ranges::stable_sort(left, [&](auto a, auto b) {
        return first == best::highest ? all[a].median > all[b].median : all[a].median < all[b].median;
    });
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
