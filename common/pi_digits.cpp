// Computes pi by Machin's formula, pi = 16 arctan(1/5) - 4 arctan(1/239), in fixed point. A number is an array
// of digits in base 10^9, the most significant first.
#include "common/pi_digits.hpp"

#include <cstdint>
#include <vector>

namespace parley {

namespace {

constexpr std::uint64_t base = 1'000'000'000;
constexpr int decimals_per_digit = 9;
using number = std::vector<std::uint64_t>;

/// Divides in place. The digits before `first` must be zero.
void divide(number& dividend, std::uint64_t divisor, std::size_t first) {
    std::uint64_t remainder = 0;
    for (auto i = first; i < dividend.size(); ++i) {
        const auto value = remainder * base + dividend[i];
        dividend[i] = value / divisor;
        remainder = value % divisor;
    }
}

/// Computes sum += sign * term. Digits may leave the range of the base until carry() is called.
void add(std::vector<std::int64_t>& sum, const number& term, std::int64_t sign, std::size_t first) {
    for (auto i = first; i < sum.size(); ++i) sum[i] += sign * static_cast<std::int64_t>(term[i]);
}

/// Computes sum += factor * arctan(1/x) = factor * (1/x - 1/(3 x^3) + 1/(5 x^5) - ...), with x = `inverse`.
void add_arctan(std::vector<std::int64_t>& sum, std::int64_t factor, std::uint64_t inverse) {
    number power(sum.size());
    power[0] = static_cast<std::uint64_t>(factor < 0 ? -factor : factor);
    divide(power, inverse, 0);
    auto sign = factor < 0 ? -1 : 1;
    std::size_t first = 0;
    for (std::uint64_t odd = 1;; odd += 2, sign = -sign) {
        while (first < power.size() && power[first] == 0) ++first;
        if (first == power.size()) return;
        auto term = power;
        divide(term, odd, first);
        add(sum, term, sign, first);
        divide(power, inverse * inverse, first);
    }
}

/// Brings each digit into the range from 0 to base - 1.
void carry(std::vector<std::int64_t>& sum) {
    std::int64_t over = 0;
    for (auto i = sum.size(); i-- > 0;) {
        sum[i] += over;
        over = sum[i] / static_cast<std::int64_t>(base);
        sum[i] -= over * static_cast<std::int64_t>(base);
        if (sum[i] < 0) {
            sum[i] += static_cast<std::int64_t>(base);
            --over;
        }
    }
    sum[0] += over * static_cast<std::int64_t>(base);
}

} // namespace

std::string pi_digits(int decimals) {
    const auto count = static_cast<std::size_t>(decimals);
    constexpr std::size_t guard_digits =
        2; // each term is truncated; the sum of these errors stays within 18 decimals
    std::vector<std::int64_t> sum(1 + count / decimals_per_digit + 1 + guard_digits);
    add_arctan(sum, 16, 5);
    add_arctan(sum, -4, 239);
    carry(sum);

    std::string text = std::to_string(sum[0]) + '.';
    for (std::size_t i = 1; text.size() < count + 2; ++i) {
        const auto digits = std::to_string(sum[i]);
        text.append(decimals_per_digit - digits.size(), '0').append(digits);
    }
    text.resize(count + 2);
    return text;
}

} // namespace parley
