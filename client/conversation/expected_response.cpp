// Matched bytes are removed from the front of the expected texts.
#include "client/conversation/expected_response.hpp"

#include "common/escaped.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace parley {

namespace {

std::size_t match_text(std::string_view& expected, std::string_view bytes) {
    auto size = std::min(expected.size(), bytes.size());
    if (expected.substr(0, size) != bytes.substr(0, size)) {
        const auto wrong = std::mismatch(expected.begin(), expected.end(), bytes.begin(), bytes.end()).first;
        size = static_cast<std::size_t>(wrong - expected.begin());
    }
    expected.remove_prefix(size);
    return size;
}

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

} // namespace

std::size_t expected_response::match_number(std::string_view bytes) {
    constexpr std::uint64_t most = 999'999'999'999'999'999; // one more digit fits into 64 bits
    std::size_t size = 0;
    while (size < bytes.size() && is_digit(bytes[size]) && number_ <= most &&
           (number_ > 0 || bytes[size] != '0'))
        number_ = number_ * 10 + static_cast<std::uint64_t>(bytes[size++] - '0');
    if (size < bytes.size() && !is_digit(bytes[size]) && number_ > 0) wants_number_ = false;
    return size;
}

std::size_t expected_response::match(std::string_view bytes) {
    auto size = match_text(before_, bytes);
    if (before_.empty() && wants_number_) size += match_number(bytes.substr(size));
    if (before_.empty() && !wants_number_) size += match_text(after_, bytes.substr(size));
    return size;
}

std::string expected_response::next() const {
    if (!before_.empty()) return in_quotes(before_);
    if (wants_number_)
        return number_ == 0 ? "a number from 1" : fmt::format("more digits or {}", in_quotes(after_));
    return after_.empty() ? "nothing" : in_quotes(after_);
}

std::string in_quotes(std::string_view untrusted) {
    constexpr std::size_t most = 40; // keeps an error message on one line
    std::string text = "'";
    for (const char character : untrusted.substr(0, most)) {
        if (character == '\'') text += '\\';
        text += escaped({&character, 1});
    }
    text += '\'';
    if (untrusted.size() > most) text += fmt::format(" and {} bytes more", untrusted.size() - most);
    return text;
}

} // namespace parley
