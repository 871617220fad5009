// Rules for responses of third-party servers (--expect): a text, a regular expression, a number of bytes, or
// all bytes until the server closes. With framing, a message is a response. A rule decides when a response is
// complete and correct.
#pragma once

#include "client/conversation/framing.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <regex.h>
#include <string>
#include <string_view>

namespace parley {

/// The parsed --expect, shared by all connections.
class response_matcher {
public:
    /// Parses "TEXT", "/REGEX/" (POSIX extended), "N bytes" or "until-close", with the escapes \n, \r, \t,
    /// \\ and \x1b. Throws std::invalid_argument with the text and the error.
    response_matcher(std::string_view text, framing framing);

    enum class kind { text, pattern, size, until_close };
    [[nodiscard]] kind what() const { return kind_; }
    [[nodiscard]] framing how() const { return framing_; }
    [[nodiscard]] const std::string& text() const { return text_; } // framed
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool matches(std::string_view bytes) const;
    [[nodiscard]] std::string to_string() const;

private:
    struct pattern;
    kind kind_;
    framing framing_;
    std::string text_;
    std::size_t size_ = 0;
    std::shared_ptr<const regex_t> pattern_;
};

/// Matches one response as its bytes arrive.
class match_response {
public:
    explicit match_response(const response_matcher& rule) : rule_{rule} {}

    /// Starts the next response.
    void restart();

    /// Returns the error of the response; empty: none so far.
    [[nodiscard]] const std::string& fault() const { return fault_; }

    /// Consumes the bytes of this response and returns their number: less than bytes.size() if the rest is
    /// wrong (see fault()) or surplus.
    std::size_t take(std::string_view bytes);

    /// Handles the end of input. Returns true if the end is expected.
    bool take_end();

    [[nodiscard]] bool complete() const { return complete_; }

private:
    std::size_t take_text(std::string_view bytes);
    std::size_t take_message(std::string_view bytes);
    std::size_t take_until_match(std::string_view bytes);
    void judge(std::string_view message);

    const response_matcher& rule_;
    std::string kept_; // received bytes, if the rule needs all of them
    std::size_t taken_ = 0;
    bool complete_ = false;
    std::string fault_;
};

/// Replaces the escapes \n, \r, \t, \\ and \x1b by their bytes. Throws std::invalid_argument for other escapes.
std::string unescaped(std::string_view text);

} // namespace parley
