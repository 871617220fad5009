// Parsers of untrusted JSON and CBOR with a limit on nesting. nlohmann's library parses and writes nested
// values by recursion, so a few hundred kilobytes of "[" or 0x81 overflow the stack. Use these functions for
// all such input.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace parley {

/// The documents of parley are nested less than ten deep.
inline constexpr int most_json_depth = 100;

/// Throws nlohmann::json::parse_error if `text` is no JSON, or if it is nested deeper than most_json_depth.
nlohmann::json parse_json(std::string_view text);

/// Like parse_json(), but keeps the order of the members.
nlohmann::ordered_json parse_ordered_json(std::string_view text);

/// Like parse_json(), for CBOR (RFC 8949).
nlohmann::json parse_cbor(std::string_view bytes);

} // namespace parley
