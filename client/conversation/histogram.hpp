// Histogram of durations with fixed memory and constant time per value. The layout is that of HdrHistogram
// (3 significant digits, unit 1 ns): linear buckets, whose slots double in width with each bucket.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace parley {

class histogram {
public:
    using time = std::chrono::nanoseconds;

    /// Longer times are counted as this one, and by over_maximum().
    static constexpr time maximum = std::chrono::minutes{1};

    histogram();

    /// Counts one time. A negative time counts as zero. Does not allocate.
    void record(time value);

    /// Adds all counts of another histogram.
    void add(const histogram& other);

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t over_maximum() const { return over_maximum_; }

    /// Exact values, after the limits of record(). Zero if nothing was counted.
    [[nodiscard]] time min() const { return count_ ? time{min_} : time{}; }
    [[nodiscard]] time max() const { return time{max_}; }
    [[nodiscard]] time mean() const;

    /// Returns the smallest counted time that at least `percent` percent of all times do not exceed. It is
    /// exact below 2,048 ns; above that it is at most 1/1024 too high, and never too low. `percent` is 0
    /// (smallest) to 100 (largest). Zero if nothing was counted.
    [[nodiscard]] time value_at_percentile(double percent) const;

    /// Returns all counts, in the layout of HdrHistogram.
    [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }

    /// Returns the largest value that the slot counts.
    [[nodiscard]] static time largest_in(std::size_t slot);

    /// Serialises the histogram: sum, minimum, maximum, over_maximum(), then slot and count for each count that
    /// is not 0.
    [[nodiscard]] std::vector<std::uint64_t> packed() const;
    /// Throws std::invalid_argument if the numbers are no serialised histogram.
    static histogram unpacked(std::span<const std::uint64_t> numbers);

    /// Returns the number of times beyond the percentile. With fewer than ten, the percentile is not reliable.
    [[nodiscard]] std::uint64_t count_beyond(double percent) const { return count_ - rank(percent); }

private:
    std::uint64_t rank(double percent) const;

    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
    std::uint64_t over_maximum_ = 0;
    std::uint64_t sum_ = 0;
    std::int64_t min_ = maximum.count();
    std::int64_t max_ = 0;
};

} // namespace parley
