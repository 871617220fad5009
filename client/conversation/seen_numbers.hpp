// Which numbers have been seen: a bit each, in pages that come as numbers come. A counter that gives out the
// same number twice has lost an update, and only somebody who has seen all of them can tell.
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
    /// Takes the number. False: it was there already. Numbers for which there is no memory left are taken for
    /// new and forgotten.
    bool insert(std::uint64_t number);

    /// Takes all numbers of another set. How many of them were here already?
    std::uint64_t add(const seen_numbers& other);

    /// All of it as numbers, to be sent elsewhere: how many were forgotten, then each page: its index, its
    /// bits.
    [[nodiscard]] std::vector<std::uint64_t> packed() const;
    /// Throws std::invalid_argument for numbers that are no set.
    static seen_numbers unpacked(std::span<const std::uint64_t> numbers);

    /// How many numbers were forgotten: not checked.
    [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

private:
    static constexpr std::uint64_t page_size = 1 << 16;
    static constexpr std::uint64_t word_size = 64;
    static constexpr std::size_t most_pages = 8192; // 64 MiB: five hundred million numbers in a row
    using page = std::bitset<page_size>;

    page* page_of(std::uint64_t index);

    std::unordered_map<std::uint64_t, std::unique_ptr<page>> pages_;
    std::uint64_t latest_index_ = 0; // a counter's numbers are close together: mostly it is the same page again
    page* latest_ = nullptr;
    std::uint64_t forgotten_ = 0;
};

} // namespace parley
