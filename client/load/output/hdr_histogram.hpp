// Histograms in the formats of HdrHistogram (hdrhistogram.org), which many viewers and libraries read: the
// percentile distribution, and the interval log (log version 1.3, encoding V2).
#pragma once

#include "client/conversation/histogram.hpp"

#include <chrono>
#include <string>

namespace parley {

/// Returns the percentile distribution in ms, in the format of HistogramLogProcessor.
std::string percentile_text(const histogram& times);

/// Returns the V2 encoding, compressed (zlib) and in base64.
std::string encoded(const histogram& times);

/// Returns the header of a log that starts at that time.
std::string log_head(std::chrono::system_clock::time_point start);

/// Returns the line of an interval; `begin` is relative to the start of the log.
std::string log_line(std::chrono::nanoseconds begin, std::chrono::nanoseconds length, const histogram& times);

} // namespace parley
