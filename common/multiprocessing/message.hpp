// Messages between processes: typed values as CBOR (RFC 8949). CBOR is data only, so a message can never run
// code, unlike Python's pickle. A type needs to_json and from_json, as those of nlohmann::json.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace parley {

/// Returns `value` as CBOR.
std::string to_cbor_bytes(const nlohmann::json& value);

/// Returns the value that `bytes` contain as CBOR. Throws std::runtime_error if they are not one whole value.
nlohmann::json from_cbor_bytes(std::string_view bytes);

template <class Value>
std::string to_bytes(const Value& value) {
    return to_cbor_bytes(nlohmann::json(value));
}

/// Throws std::runtime_error if `bytes` are not CBOR, or not that of a Value.
template <class Value>
Value from_bytes(std::string_view bytes) {
    const auto json = from_cbor_bytes(bytes);
    try {
        return json.get<Value>();
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(std::string{"the message is of another type: "} + error.what());
    }
}

} // namespace parley
