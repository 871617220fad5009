// SplitMix64 (Steele, Lea, Flood 2014) is a counter and a mixer: the n-th word costs as much as the first.
#include "client/payload.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace parley {

namespace {

constexpr std::uint64_t golden_gamma = 0x9e3779b97f4a7c15;

constexpr std::uint64_t mix(std::uint64_t word) {
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
    word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
    return word ^ (word >> 31);
}

} // namespace

payload::payload(std::uint64_t seed, std::uint64_t connection, std::uint64_t request)
    : key_{mix(mix(mix(seed + golden_gamma) + connection) + request)} {}

void payload::bytes(std::span<char> into, std::size_t offset) const {
    std::uint64_t counter = key_ + golden_gamma * (offset / step);
    while (!into.empty()) {
        static_assert(sizeof counter == step);
        const std::uint64_t word = mix(counter += golden_gamma);
        const auto size = std::min(into.size(), step);
        std::memcpy(into.data(), &word, size);
        into = into.subspan(size);
    }
}

void payload::letters(std::span<char> into) const {
    constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyzABCDEF";
    bytes(into, 0);
    for (auto& each : into) each = alphabet[static_cast<unsigned char>(each) % alphabet.size()];
}

} // namespace parley
