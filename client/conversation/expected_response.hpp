// What must come, compared with what comes, piece by piece as TCP delivers it: a text, which may have one
// number in it that is not known beforehand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace parley {

class expected_response {
public:
    /// Expects nothing.
    expected_response() = default;

    /// Expects the text. It must stay valid until all of it has come, like those below.
    explicit expected_response(std::string_view text) : before_{text} {}

    /// Expects a number from 1 (decimal, no leading zeros, up to 19 digits) between two texts; `after` is not
    /// empty and begins with no digit.
    expected_response(std::string_view before, std::string_view after)
        : before_{before}, wants_number_{true}, after_{after} {}

    /// Takes the bytes that agree with what is expected, and returns how many they are: fewer than came
    /// where one is wrong or too many.
    std::size_t match(std::string_view bytes);

    [[nodiscard]] bool complete() const { return before_.empty() && !wants_number_ && after_.empty(); }

    /// How many bytes of text must still come.
    [[nodiscard]] std::size_t text_left() const { return before_.size() + after_.size(); }

    /// The number that came; 0 before.
    [[nodiscard]] std::uint64_t number() const { return number_; }

    /// What should come next, for people: the text in quotes, or "a number"; "nothing" where all has come.
    [[nodiscard]] std::string next() const;

private:
    std::size_t match_number(std::string_view bytes);

    std::string_view before_;
    bool wants_number_ = false;
    std::string_view after_;
    std::uint64_t number_ = 0;
};

/// The bytes in quotes, for people and terminals: whatever is not printable ASCII as \n, \r, \t or \x1b, and
/// at most the first 40.
std::string in_quotes(std::string_view untrusted);

} // namespace parley
