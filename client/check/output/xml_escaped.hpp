// Escapes for XML and HTML.
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Returns the text with & < > " as entities, and with spaces instead of control characters.
std::string xml_escaped(std::string_view text);

} // namespace parley
