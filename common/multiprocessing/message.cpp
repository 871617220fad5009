// The conversion of JSON values, which is compiled once for all types.
#include "common/multiprocessing/message.hpp"

namespace parley {

std::string to_cbor_bytes(const nlohmann::json& value) {
    std::string bytes;
    nlohmann::json::to_cbor(value, bytes);
    return bytes;
}

nlohmann::json from_cbor_bytes(std::string_view bytes) {
    try {
        return nlohmann::json::from_cbor(bytes);
    } catch (const nlohmann::json::exception& error) {
        throw std::runtime_error(std::string{"the message is not CBOR: "} + error.what());
    }
}

} // namespace parley
