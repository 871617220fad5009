// A word is a number (connection, request and place) that SplitMix64's mixer (Steele, Lea, Flood 2014) makes
// look random. The mixer is invertible, so any received word of eight bytes yields its origin.
#include "client/conversation/payload.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace parley {

namespace {

constexpr std::uint64_t golden_gamma = 0x9e3779b97f4a7c15;
constexpr std::uint64_t first_factor = 0xbf58476d1ce4e5b9, second_factor = 0x94d049bb133111eb;
constexpr std::uint64_t first_inverse = 0x96de1b173f119089, second_inverse = 0x319642b2d24d8ec3;
static_assert(first_factor * first_inverse == 1 && second_factor * second_inverse == 1);

constexpr std::uint64_t mix(std::uint64_t word) {
    word = (word ^ (word >> 30)) * first_factor;
    word = (word ^ (word >> 27)) * second_factor;
    return word ^ (word >> 31);
}

constexpr std::uint64_t unmix(std::uint64_t word) {
    word = (word ^ (word >> 31) ^ (word >> 62)) * second_inverse;
    word = (word ^ (word >> 27) ^ (word >> 54)) * first_inverse;
    return word ^ (word >> 30) ^ (word >> 60);
}
static_assert(unmix(mix(0x0123456789abcdef)) == 0x0123456789abcdef);

// A word's number: 26 bits of the connection, 28 of the request, 10 of its place in a block.
constexpr int place_bits = 10, request_bits = 28;
constexpr std::uint64_t block_words = 1 << place_bits;
constexpr std::uint64_t request_mask = (1 << request_bits) - 1;

/// Returns the key of a block. Without it, the words of all blocks would be equal.
constexpr std::uint64_t block_key(std::uint64_t seed, std::uint64_t block) {
    return mix(mix(seed + golden_gamma) + block);
}

} // namespace

payload::payload(std::uint64_t seed, std::uint64_t connection, std::uint64_t request)
    : seed_{seed},
      origin_bits_{connection << (request_bits + place_bits) | (request & request_mask) << place_bits} {}

void payload::bytes(std::span<char> buffer, std::size_t offset) const {
    std::uint64_t index = offset / step;
    std::uint64_t key = block_key(seed_, index / block_words);
    while (!buffer.empty()) {
        static_assert(sizeof index == step);
        const std::uint64_t word = mix((origin_bits_ | index % block_words) ^ key);
        const auto size = std::min(buffer.size(), step);
        std::memcpy(buffer.data(), &word, size);
        buffer = buffer.subspan(size);
        if (++index % block_words == 0) key = block_key(seed_, index / block_words);
    }
}

void payload::letters(std::span<char> buffer) const {
    constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyzABCDEF";
    bytes(buffer, 0);
    for (auto& byte : buffer) byte = alphabet[static_cast<unsigned char>(byte) % alphabet.size()];
}

payload::origin payload::origin_of(std::uint64_t seed, std::string_view word, std::uint64_t block) {
    std::uint64_t number = 0;
    std::memcpy(&number, word.data(), step);
    number = unmix(number) ^ block_key(seed, block);
    return {number >> (request_bits + place_bits), number >> place_bits & request_mask,
            (block * block_words + number % block_words) * step};
}

std::uint64_t payload::block_of(std::size_t offset) { return offset / step / block_words; }

} // namespace parley
