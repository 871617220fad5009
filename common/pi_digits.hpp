// CPU-bound work for the service pi: the digits of pi. The client computes them too, to check the reply.
#pragma once

#include <string>

namespace parley {

/// Returns "3." and `decimals` (at least 1) decimals, truncated, not rounded. The time grows with the square of
/// their number: about a millisecond for 1,000, a tenth of a second for 10,000.
std::string pi_digits(int decimals);

} // namespace parley
