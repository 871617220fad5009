// Text that came from others, made harmless for a terminal, a log and a page: what is not plain ASCII is
// spelled.
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Each byte that is not a printable ASCII character as \xNN, and a backslash as two.
std::string printable(std::string_view untrusted);

} // namespace parley
