// JSON and CBOR from outside: a file of a user, a message of another program. nlohmann's library reads nested
// values by recursion and writes them by recursion, so a few hundred kilobytes of "[" or 0x81 end a program.
// Every reader of such text comes here.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace parley {

/// Deeper than anything that parley writes, which is less than ten.
inline constexpr int most_json_depth = 100;

/// Throws nlohmann::json::parse_error if `text` is no JSON, or is nested deeper than most_json_depth.
nlohmann::json parse_json(std::string_view text);

/// Like parse_json(); members keep their order.
nlohmann::ordered_json parse_ordered_json(std::string_view text);

/// The same for CBOR (RFC 8949).
nlohmann::json parse_cbor(std::string_view bytes);

} // namespace parley
