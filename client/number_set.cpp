#include "client/number_set.hpp"

namespace parley {

number_set::page* number_set::page_of(std::uint64_t index) {
    if (latest_ && index == latest_index_) return latest_;
    auto found = pages_.find(index);
    if (found == pages_.end()) {
        if (pages_.size() == most_pages) return nullptr;
        found = pages_.emplace(index, std::make_unique<page>()).first;
    }
    latest_index_ = index;
    return latest_ = found->second.get();
}

bool number_set::insert(std::uint64_t number) {
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

std::uint64_t number_set::add(const number_set& other) {
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

} // namespace parley
