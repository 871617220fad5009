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
    page* const found = page_of(number / page_size);
    if (!found) {
        ++forgotten_;
        return true;
    }
    auto bit = (*found)[number % page_size];
    const bool is_new = !bit;
    bit = true;
    return is_new;
}

std::uint64_t seen_numbers::add(const seen_numbers& other) {
    std::uint64_t present = 0;
    forgotten_ += other.forgotten_;
    for (const auto& [index, other_page] : other.pages_) {
        page* const own_page = page_of(index);
        if (own_page) {
            present += (*own_page & *other_page).count();
            *own_page |= *other_page;
        } else {
            forgotten_ += other_page->count();
        }
    }
    return present;
}

std::vector<std::uint64_t> seen_numbers::packed() const {
    std::vector<std::uint64_t> numbers{forgotten_};
    for (const auto& [index, bits] : pages_) {
        numbers.push_back(index);
        for (std::uint64_t first = 0; first != page_size; first += word_size) {
            std::uint64_t word = 0;
            for (std::uint64_t bit = 0; bit != word_size; ++bit)
                word |= std::uint64_t{(*bits)[first + bit]} << bit;
            numbers.push_back(word);
        }
    }
    return numbers;
}

seen_numbers seen_numbers::unpacked(std::span<const std::uint64_t> numbers) {
    constexpr auto words = page_size / word_size;
    if (numbers.size() % (1 + words) != 1 || numbers.size() / (1 + words) > most_pages)
        throw std::invalid_argument("the numbers are no serialised set");
    seen_numbers result;
    result.forgotten_ = numbers[0];
    for (numbers = numbers.subspan(1); !numbers.empty(); numbers = numbers.subspan(1 + words)) {
        auto& bits = *result.page_of(numbers[0]);
        for (std::uint64_t bit = 0; bit != page_size; ++bit)
            bits[bit] = numbers[1 + bit / word_size] >> bit % word_size & 1;
    }
    return result;
}

} // namespace parley
