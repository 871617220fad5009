// Histograms in the forms of HdrHistogram (hdrhistogram.org), which many viewers and libraries read: the text
// of percentiles, and the log of one histogram per interval (version 1.3 of the log, V2 of the encoding).
#pragma once

#include "client/conversation/histogram.hpp"

#include <chrono>
#include <string>

namespace parley {

/// The percentile distribution in milliseconds, as HistogramLogProcessor prints it.
std::string percentile_text(const histogram& times);

/// The V2 encoding, compressed (zlib) and in base64.
std::string encoded(const histogram& times);

/// The head of a log that begins at that time.
std::string log_head(std::chrono::system_clock::time_point start);

/// One line of it; `begin` counts from the log's start.
std::string log_line(std::chrono::nanoseconds begin, std::chrono::nanoseconds length, const histogram& times);

} // namespace parley
