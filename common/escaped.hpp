// Escapes untrusted bytes for logs and terminals. On a terminal they could move the cursor; in a log they could
// forge a line.
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Returns the text in printable ASCII: a backslash and all other bytes become \\, \n, \r, \t or \xHH.
std::string escaped(std::string_view untrusted);

/// Returns text of several lines for a terminal. Newlines and printable UTF-8 are kept. Control characters of
/// ASCII and of Unicode (U+0080 to U+009F), which a terminal obeys, and bytes that are not UTF-8 are escaped as
/// above.
std::string terminal_safe(std::string_view untrusted);

} // namespace parley
