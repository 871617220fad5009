// Counts times by their size, so that a million latencies take fixed memory and one addition each. The
// layout is that of HdrHistogram (3 significant digits, unit 1 ns): buckets of equal width, whose width
// doubles each time the value does.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace parley {

class histogram {
public:
    using time = std::chrono::nanoseconds;

    /// What is longer is counted as this long, and by over_maximum().
    static constexpr time maximum = std::chrono::minutes{1};

    histogram();

    /// Counts one time; a negative one counts as zero. Allocates nothing.
    void record(time value);

    /// Counts all that the other one has counted, too.
    void add(const histogram& other);

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t over_maximum() const { return over_maximum_; }

    /// Exact (of the values as they were counted). Zero where nothing was counted.
    [[nodiscard]] time min() const { return count_ ? time{min_} : time{}; }
    [[nodiscard]] time max() const { return time{max_}; }
    [[nodiscard]] time mean() const;

    /// The smallest counted time that at least `percent` percent of all are not over: exact below 2,048 ns,
    /// above that never less than the exact one and never more than 1/1024 over it. Zero where nothing was
    /// counted. `percent` is from 0 (the smallest of all) to 100 (the largest).
    [[nodiscard]] time value_at_percentile(double percent) const;

    /// All counts, in the order and layout of HdrHistogram's.
    [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }

    /// The largest value that is counted in that slot.
    [[nodiscard]] static time largest_in(std::size_t slot);

    /// All of it as numbers, to be sent elsewhere: sum, least, greatest, how many were over the maximum, then a
    /// slot and its count for each that is not 0.
    [[nodiscard]] std::vector<std::uint64_t> packed() const;
    /// Throws std::invalid_argument for numbers that are no histogram.
    static histogram unpacked(std::span<const std::uint64_t> numbers);

    /// How many were counted beyond that percentile: a figure that rests on fewer than ten is chance.
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
