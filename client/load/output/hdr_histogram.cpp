// The slots of parley::histogram are those of HdrHistogram for three significant digits and a unit of 1 ns, so
// the counts are written unchanged. Each is a ZigZag LEB128 number; -N stands for N zeros.
#include "client/load/output/hdr_histogram.hpp"

#include "client/conversation/base64.hpp"
#include "common/duration.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <zlib.h>

namespace parley {

namespace {

// Format markers of the V2 encoding.
constexpr std::uint32_t plain_cookie = 0x1c849313, compressed_cookie = 0x1c849314;

template <class Number>
void append_big_endian(std::string& text, Number number) {
    for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8)
        text += static_cast<char>(number >> shift & 0xff);
}

void append_zigzag(std::string& text, std::int64_t number) {
    auto rest = static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
    for (; rest >= 0x80; rest >>= 7) text += static_cast<char>((rest & 0x7f) | 0x80);
    text += static_cast<char>(rest);
}

std::string payload_of(std::span<const std::uint64_t> counts) {
    while (!counts.empty() && counts.back() == 0) counts = counts.first(counts.size() - 1);
    std::string text;
    std::int64_t zeros = 0;
    for (const auto count : counts) {
        if (count == 0) {
            ++zeros;
            continue;
        }
        if (zeros > 0) append_zigzag(text, -std::exchange(zeros, 0));
        append_zigzag(text, static_cast<std::int64_t>(count));
    }
    return text;
}

std::string compressed(const std::string& text) {
    auto size = compressBound(text.size());
    std::string result(size, '\0');
    if (compress(reinterpret_cast<Bytef*>(result.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
                 text.size()) != Z_OK)
        throw std::runtime_error("zlib has no memory left");
    result.resize(size);
    return result;
}

double deviation_ms(const histogram& times) {
    const double mean = in_ms(times.mean());
    double sum = 0;
    const auto counts = times.counts();
    for (std::size_t slot = 0; slot < counts.size(); ++slot) {
        const double distance = in_ms(histogram::largest_in(slot)) - mean;
        sum += static_cast<double>(counts[slot]) * distance * distance;
    }
    return times.count() ? std::sqrt(sum / static_cast<double>(times.count())) : 0;
}

} // namespace

std::string encoded(const histogram& times) {
    const auto payload = payload_of(times.counts());
    std::string plain;
    append_big_endian(plain, plain_cookie);
    append_big_endian(plain, static_cast<std::uint32_t>(payload.size()));
    append_big_endian(plain, std::uint32_t{0}); // normalizing index offset
    append_big_endian(plain, std::uint32_t{3}); // significant digits
    append_big_endian(plain, std::uint64_t{1}); // lowest discernible value
    append_big_endian(plain, static_cast<std::uint64_t>(histogram::maximum.count()));
    append_big_endian(plain, std::uint64_t{0x3ff0000000000000}); // integer to double: 1.0
    plain += payload;

    const auto packed = compressed(plain);
    std::string whole;
    append_big_endian(whole, compressed_cookie);
    append_big_endian(whole, static_cast<std::uint32_t>(packed.size()));
    return base64(whole + packed);
}

std::string log_head(std::chrono::system_clock::time_point start) {
    const std::chrono::duration<double> since_epoch = start.time_since_epoch();
    return fmt::format(
        "#[Histogram log format version 1.3]\n#[StartTime: {:.3f} (seconds since epoch)]\n"
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        since_epoch.count());
}

std::string log_line(std::chrono::nanoseconds begin, std::chrono::nanoseconds length, const histogram& times) {
    return fmt::format("{:.3f},{:.3f},{:.3f},{}\n", in_seconds(begin), in_seconds(length), in_ms(times.max()),
                       encoded(times));
}

std::string percentile_text(const histogram& times) {
    std::string text =
        fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    constexpr double ticks_per_half = 5; // the default of HistogramLogProcessor
    const auto line = [&, into = std::back_inserter(text)](double percent) {
        const auto value = in_ms(times.value_at_percentile(percent));
        const auto count = times.count() - times.count_beyond(percent);
        const auto share = percent / 100;
        if (share < 1)
            fmt::format_to(into, "{:12.6f} {:2.12f} {:10d} {:14.2f}\n", value, share, count, 1 / (1 - share));
        else
            fmt::format_to(into, "{:12.6f} {:2.12f} {:10d}\n", value, share, count);
    };
    // Each half of the remaining distance to 100 % has the same number of steps, so the tail is drawn as finely
    // as the rest.
    double percent = 0;
    while (times.count() > 0 && times.count_beyond(percent) > 0) {
        line(percent);
        const auto halvings = std::floor(std::log2(100 / (100 - percent))) + 1;
        percent += 100 / (ticks_per_half * std::exp2(halvings));
    }
    line(100);
    text += fmt::format("#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n", in_ms(times.mean()),
                        deviation_ms(times));
    text += fmt::format("#[Max     = {:12.3f}, Total count    = {:12d}]\n", in_ms(times.max()), times.count());
    std::size_t buckets = 1;
    while ((std::int64_t{2048} << (buckets - 1)) <= histogram::maximum.count()) ++buckets;
    return text + fmt::format("#[Buckets = {:12d}, SubBuckets     = {:12d}]\n", buckets, 2048);
}

} // namespace parley
