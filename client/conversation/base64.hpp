// Text for bytes: base64 (RFC 4648), by OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Returns `bytes` in base64, with padding, on one line.
std::string base64(std::string_view bytes);

} // namespace parley
