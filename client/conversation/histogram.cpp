// Bucket 0 has a slot for each value of 0 to 2,047. Each further bucket has twice the range of the one before,
// and slots of twice the width. The bucket before covers its lower half, so it needs 1,024 slots only.
#include "client/conversation/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace parley {

namespace {

constexpr int half_bits = 10;
constexpr std::int64_t half =
    1 << half_bits; // slots per bucket: the width of a slot is at most 1/1024 of its values

constexpr std::size_t slot_of(std::int64_t value) {
    const auto width = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value) | half));
    const int doublings = width - half_bits - 1;
    return static_cast<std::size_t>(doublings * half + (value >> doublings));
}

/// Returns the largest value that the slot counts.
constexpr std::int64_t last_value_of(std::size_t slot) {
    const auto number = static_cast<std::int64_t>(slot);
    const auto doublings = std::max<std::int64_t>(number / half - 1, 0);
    return ((number - doublings * half + 1) << doublings) - 1;
}

constexpr std::size_t slots = slot_of(histogram::maximum.count()) + 1;

static_assert(slot_of(0) == 0 && slot_of(2047) == 2047 && slot_of(2048) == 2048 && slot_of(2049) == 2048);
static_assert(last_value_of(2047) == 2047 && last_value_of(2048) == 2049 &&
              last_value_of(slots - 1) >= 60'000'000'000);

} // namespace

histogram::histogram() : counts_(slots) {}

void histogram::record(time value) {
    if (value > maximum) ++over_maximum_;
    const auto counted = std::clamp(value, time::zero(), maximum).count();
    ++counts_[slot_of(counted)];
    ++count_;
    sum_ += static_cast<std::uint64_t>(counted);
    min_ = std::min(min_, counted);
    max_ = std::max(max_, counted);
}

void histogram::add(const histogram& other) {
    std::transform(counts_.begin(), counts_.end(), other.counts_.begin(), counts_.begin(), std::plus{});
    count_ += other.count_;
    over_maximum_ += other.over_maximum_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

std::vector<std::uint64_t> histogram::packed() const {
    std::vector<std::uint64_t> numbers{sum_, static_cast<std::uint64_t>(min_), static_cast<std::uint64_t>(max_),
                                       over_maximum_};
    for (std::size_t slot = 0; slot < slots; ++slot)
        if (counts_[slot] != 0) numbers.insert(numbers.end(), {slot, counts_[slot]});
    return numbers;
}

histogram histogram::unpacked(std::span<const std::uint64_t> numbers) {
    const auto require = [](bool is_valid) {
        if (!is_valid) throw std::invalid_argument("the numbers are no serialised histogram");
    };
    constexpr auto most = static_cast<std::uint64_t>(maximum.count());
    require(numbers.size() >= 4 && numbers.size() % 2 == 0 && numbers[1] <= most && numbers[2] <= most);
    histogram result;
    result.sum_ = numbers[0];
    result.min_ = static_cast<std::int64_t>(numbers[1]);
    result.max_ = static_cast<std::int64_t>(numbers[2]);
    result.over_maximum_ = numbers[3];
    for (numbers = numbers.subspan(4); !numbers.empty(); numbers = numbers.subspan(2)) {
        require(numbers[0] < slots);
        result.counts_[numbers[0]] += numbers[1];
        result.count_ += numbers[1];
    }
    return result;
}

histogram::time histogram::mean() const {
    return count_ ? time{static_cast<std::int64_t>(sum_ / count_)} : time{};
}

histogram::time histogram::largest_in(std::size_t slot) { return time{last_value_of(slot)}; }

std::uint64_t histogram::rank(double percent) const {
    // 99.9 % of 1,000 values are 999. In binary 99.9 is slightly larger, so that rounding up would give 1,000.
    const double below = std::nextafter(std::clamp(percent, 0.0, 100.0), 0.0);
    const auto wanted = static_cast<std::uint64_t>(std::ceil(below * static_cast<double>(count_) / 100));
    return std::clamp<std::uint64_t>(wanted, std::min<std::uint64_t>(count_, 1), count_);
}

histogram::time histogram::value_at_percentile(double percent) const {
    const auto wanted = rank(percent);
    std::uint64_t passed = 0;
    for (std::size_t slot = 0; slot < slots; ++slot) {
        passed += counts_[slot];
        if (passed >= wanted) return time{std::min(last_value_of(slot), max_)};
    }
    return time{max_};
}

} // namespace parley
