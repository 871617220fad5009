// Work for a processor: pi to many decimals. Server and client compute it, so the answer can be checked.
#pragma once

#include <string>

namespace parley {

/// "3." and `decimals` (at least 1) decimals, cut off, not rounded. Takes time in proportion to their square:
/// about a millisecond for 1,000, a tenth of a second for 10,000.
std::string pi_digits(int decimals);

} // namespace parley
