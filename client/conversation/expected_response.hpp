// An expected response, matched piece by piece as TCP delivers it: a text, which may contain one unknown
// number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley {

class expected_response {
public:
    /// Expects no bytes.
    expected_response() = default;

    /// Expects the text. It must stay valid until it is matched, as must the texts below.
    explicit expected_response(std::string_view text) : before_{text} {}

    /// Expects a number of at least 1 (decimal, no leading zeros, at most 19 digits) between two texts. `after`
    /// is not empty and does not begin with a digit.
    expected_response(std::string_view before, std::string_view after)
        : before_{before}, wants_number_{true}, after_{after} {}

    /// Consumes the matching bytes and returns their number: less than bytes.size() if a byte is wrong or
    /// surplus.
    std::size_t match(std::string_view bytes);

    [[nodiscard]] bool complete() const { return before_.empty() && !wants_number_ && after_.empty(); }

    /// Returns the number of text bytes that are still missing.
    [[nodiscard]] std::size_t text_left() const { return before_.size() + after_.size(); }

    /// Returns the received number, or 0 before that.
    [[nodiscard]] std::uint64_t number() const { return number_; }

    /// Describes what should come next: the text in quotes, "a number ...", or "nothing" if it is complete.
    [[nodiscard]] std::string next() const;

private:
    std::size_t match_number(std::string_view bytes);

    std::string_view before_;
    bool wants_number_ = false;
    std::string_view after_;
    std::uint64_t number_ = 0;
};

/// Returns at most the first 40 bytes in quotes, escaped for terminals: bytes that are not printable ASCII as
/// \n, \r, \t or \x1b.
std::string in_quotes(std::string_view untrusted);

} // namespace parley
