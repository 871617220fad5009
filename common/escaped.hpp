// Bytes of others made harmless: on a terminal they could move the cursor, in a log they could pass for a line
// of ours.
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// The same text in printable ASCII: anything else, and the backslash, as \n, \r, \t, \\ or \x1b.
std::string escaped(std::string_view untrusted);

} // namespace parley
