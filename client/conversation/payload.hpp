// Bytes to send that tell where they belong: they look random, and differ for each seed, connection and
// request, so that lost, doubled or crossed ones are noticed. Any part can be made again without the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace parley {

class payload {
public:
    /// Parts begin at multiples of this.
    static constexpr std::size_t step = 8;

    payload(std::uint64_t seed, std::uint64_t connection, std::uint64_t request);

    /// Fills `into` with the bytes from `offset` on, a multiple of step: all 256 values.
    void bytes(std::span<char> into, std::size_t offset) const;

    /// The same, of letters only.
    void letters(std::span<char> into) const;

    /// Where a word belongs.
    struct origin {
        std::uint64_t connection = 0; // the lowest 26 bits of its number
        std::uint64_t request = 0;    // the lowest 28 bits
        std::size_t offset = 0;
    };

    /// Whose payload has this word (step bytes) in its block of that number? Any word is somebody's: whether
    /// there is such a connection, and whether more of its bytes follow, must be asked then.
    static origin origin_of(std::uint64_t seed, std::string_view word, std::uint64_t block);

    /// The number of the block that the offset lies in.
    static std::uint64_t block_of(std::size_t offset);

private:
    std::uint64_t seed_;
    std::uint64_t whose_;
};

} // namespace parley
