// Generated request bytes that encode their origin. They look random and differ for each seed, connection and
// request, so that lost, doubled and crossed bytes are detected. Any part can be generated without the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace parley {

class payload {
public:
    /// Size of a word. Offsets of parts are multiples of it.
    static constexpr std::size_t step = 8;

    payload(std::uint64_t seed, std::uint64_t connection, std::uint64_t request);

    /// Fills `buffer` with the bytes from `offset` on, a multiple of step. All 256 byte values occur.
    void bytes(std::span<char> buffer, std::size_t offset) const;

    /// Fills `buffer` with letters only.
    void letters(std::span<char> buffer) const;

    /// The origin of a word.
    struct origin {
        std::uint64_t connection = 0; // the lowest 26 bits of its number
        std::uint64_t request = 0;    // the lowest 28 bits
        std::size_t offset = 0;
    };

    /// Returns the origin of a word (step bytes), if it is in the block of this number. Any word has an origin:
    /// check afterwards whether the connection exists and whether its next bytes follow.
    static origin origin_of(std::uint64_t seed, std::string_view word, std::uint64_t block);

    /// Returns the number of the block that contains the offset.
    static std::uint64_t block_of(std::size_t offset);

private:
    std::uint64_t seed_;
    std::uint64_t origin_bits_;
};

} // namespace parley
