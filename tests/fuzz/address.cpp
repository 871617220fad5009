// Fuzz target for address: a text is refused with std::invalid_argument, or its text form resolves to the
// same address.
#include "common/net/address.hpp"

#include <arpa/inet.h>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

namespace {

/// True if the host is numeric. Any other host would send a query to the resolver.
bool is_numeric(const std::string& host) {
    unsigned char bytes[sizeof(in6_addr)];
    return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

void check_round_trip(std::string_view text) {
    const auto first = parley::address::resolve(text).front();
    const auto second = parley::address::resolve(first.to_string()).front();
    if (second.to_string() != first.to_string() || second.type() != first.type()) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text{reinterpret_cast<const char*>(data), size};
    try {
        if (text.starts_with("unix:")) {
            check_round_trip(text);
            return 0;
        }
        const auto rest = text.starts_with("udp:") ? text.substr(4) : text;
        const auto [host, port] = parley::parse_endpoint(rest);
        if (host.empty() || host.find('\0') != host.npos) std::abort();
        if (is_numeric(host)) check_round_trip(text);
    } catch (const std::invalid_argument&) {
    }
    return 0;
}
