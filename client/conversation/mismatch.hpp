// Bytes came that are not the answer. Since each word of a payload tells where it belongs, it can be told what
// has happened to them: were some lost, did some come twice, are they another connection's, or changed?
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley {

/// What was expected, up to the first byte that was wrong.
struct expected_payload {
    std::uint64_t seed = 0;
    std::uint64_t connection = 0;
    std::uint64_t request = 0;
    std::size_t size = 0;          // of the payload
    std::size_t offset = 0;        // in it; at most size
    std::uint64_t connections = 0; // so many there have been, about
};

struct mismatch {
    std::string cause; // "lost", "doubled", "reordered", "crossed", "corrupt" or "wrong bytes"
    std::string text;  // "8 bytes are missing"; empty where there is nothing to add
};

mismatch explain(const expected_payload& expected, std::string_view came);

} // namespace parley
