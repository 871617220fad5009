// Diagnosis of wrong responses. Each word of a payload encodes its connection, request and offset, so wrong
// bytes can be classified: lost, doubled, reordered, crossed (of another connection) or corrupt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley {

/// The expected payload, and the position of the first wrong byte.
struct expected_payload {
    std::uint64_t seed = 0;
    std::uint64_t connection = 0;
    std::uint64_t request = 0;
    std::size_t size = 0;          // of the payload
    std::size_t offset = 0;        // of the first wrong byte in the payload; at most size
    std::uint64_t connections = 0; // approximate number of connections of the run
};

struct diagnosis {
    std::string cause; // "lost", "doubled", "reordered", "crossed", "corrupt" or "wrong bytes"
    std::string text;  // "8 bytes are missing"; may be empty
};

/// Classifies the `received` bytes, which begin with the first wrong byte.
diagnosis diagnose(const expected_payload& expected, std::string_view received);

} // namespace parley
