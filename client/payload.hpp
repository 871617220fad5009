// Bytes to send that tell where they belong: they look random, and differ for each seed, connection and
// request, so that lost, doubled or crossed ones are noticed. Any part can be made again without the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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

private:
    std::uint64_t key_;
};

} // namespace parley
