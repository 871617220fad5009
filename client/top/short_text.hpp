// Numbers in five characters at most, so that the columns of a narrow terminal hold any of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace parley {

/// A count in units of 1, 1,000 (k), 1,000,000 (M) ...: "1234", "52.1k", "6.5M".
std::string short_count(std::uint64_t count);

/// The same of a rate, with a decimal where it is small: "0", "0.4", "12.5", "1234".
std::string short_rate(double per_second);

/// A time in its two largest units: "12s", "3m05", "2h13", "5d02".
std::string short_time(std::chrono::milliseconds time);

} // namespace parley
