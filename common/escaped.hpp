// Bytes of others made harmless: on a terminal they could move the cursor, in a log they could pass for a line
// of ours.
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// The same text in printable ASCII: anything else, and the backslash, as \n, \r, \t, \\ or \x1b.
std::string escaped(std::string_view untrusted);

/// Text of several lines for a terminal: newlines and printable UTF-8 stay as they are. What a terminal takes
/// for a command (control characters of ASCII and of Unicode, U+0080 to U+009F), and bytes that are no UTF-8,
/// are escaped.
std::string terminal_safe(std::string_view untrusted);

} // namespace parley
