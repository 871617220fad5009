// Set of numbers: a bit for each, in pages that are allocated on demand. A counter that sends a number twice
// has lost an update, which only a record of all numbers detects.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace parley {

class seen_numbers {
public:
    /// Inserts the number. Returns false if it is already present. Beyond the memory limit, numbers are treated
    /// as new and forgotten.
    bool insert(std::uint64_t number);

    /// Inserts all numbers of another set. Returns how many of them were already present.
    std::uint64_t add(const seen_numbers& other);

    /// Serialises the set: the number of forgotten numbers, then index and bits of each page.
    [[nodiscard]] std::vector<std::uint64_t> packed() const;
    /// Throws std::invalid_argument if the numbers are no serialised set.
    static seen_numbers unpacked(std::span<const std::uint64_t> numbers);

    /// Returns the number of forgotten, and so unchecked, numbers.
    [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

private:
    static constexpr std::uint64_t page_size = 1 << 16; // bits: 8 KiB
    static constexpr std::uint64_t word_size = 64;
    static constexpr std::size_t most_pages = 8192; // 64 MiB: 500 million consecutive numbers
    using page = std::bitset<page_size>;

    page* page_of(std::uint64_t index);

    std::unordered_map<std::uint64_t, std::unique_ptr<page>> pages_;
    std::uint64_t latest_index_ = 0; // cache: the numbers of a counter are mostly in the same page
    page* latest_ = nullptr;
    std::uint64_t forgotten_ = 0;
};

} // namespace parley
