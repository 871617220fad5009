#include "client/conversation/seen_numbers.hpp"

#include <stdexcept>

namespace parley {

seen_numbers::page* seen_numbers::page_of(std::uint64_t index) {
    if (latest_ && index == latest_index_) return latest_;
    auto found = pages_.find(index);
    if (found == pages_.end()) {
        if (pages_.size() == most_pages) return nullptr;
        found = pages_.emplace(index, std::make_unique<page>()).first;
    }
    latest_index_ = index;
    return latest_ = found->second.get();
}

bool seen_numbers::insert(std::uint64_t number) {
    page* const place = page_of(number / page_size);
    if (!place) {
        ++forgotten_;
        return true;
    }
    auto bit = (*place)[number % page_size];
    const bool is_new = !bit;
    bit = true;
    return is_new;
}

std::uint64_t seen_numbers::add(const seen_numbers& other) {
    std::uint64_t twice = 0;
    forgotten_ += other.forgotten_;
    for (const auto& [index, theirs] : other.pages_) {
        page* const ours = page_of(index);
        if (ours) {
            twice += (*ours & *theirs).count();
            *ours |= *theirs;
        } else {
            forgotten_ += theirs->count();
        }
    }
    return twice;
}

std::vector<std::uint64_t> seen_numbers::packed() const {
    std::vector<std::uint64_t> numbers{forgotten_};
    for (const auto& [index, bits] : pages_) {
        numbers.push_back(index);
        for (std::uint64_t at = 0; at != page_size; at += word_size) {
            std::uint64_t word = 0;
            for (std::uint64_t bit = 0; bit != word_size; ++bit)
                word |= std::uint64_t{(*bits)[at + bit]} << bit;
            numbers.push_back(word);
        }
    }
    return numbers;
}

seen_numbers seen_numbers::unpacked(std::span<const std::uint64_t> numbers) {
    constexpr auto words = page_size / word_size;
    if (numbers.size() % (1 + words) != 1 || numbers.size() / (1 + words) > most_pages)
        throw std::invalid_argument("these numbers are no set");
    seen_numbers all;
    all.forgotten_ = numbers[0];
    for (numbers = numbers.subspan(1); !numbers.empty(); numbers = numbers.subspan(1 + words)) {
        auto& bits = *all.page_of(numbers[0]);
        for (std::uint64_t at = 0; at != page_size; ++at)
            bits[at] = numbers[1 + at / word_size] >> at % word_size & 1;
    }
    return all;
}

} // namespace parley
