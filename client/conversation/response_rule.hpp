// When is the answer of somebody else's server complete, and is it right? As --expect says it: a text, a
// regular expression, a number of bytes, or whatever comes until the server closes; in messages, where they are
// framed.
#pragma once

#include "client/conversation/framing.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <regex.h>
#include <string>
#include <string_view>

namespace parley {

/// What --expect says, read once, shared by all connections.
class response_matcher {
public:
    /// Reads "TEXT", "/REGEX/" (POSIX extended), "N bytes" or "until-close"; \n, \r, \t, \\ and \x1b stand for
    /// bytes. Throws std::invalid_argument that names the text and what is wrong with it.
    response_matcher(std::string_view text, framing how);

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

/// One answer, as its bytes come.
class match_response {
public:
    explicit match_response(const response_matcher& rule) : rule_{rule} {}

    /// Begins the next answer.
    void restart();

    /// What is wrong with it; empty: nothing yet.
    [[nodiscard]] const std::string& fault() const { return fault_; }

    /// Takes the bytes that belong to this answer, and returns how many they are: fewer than came where the
    /// rest is wrong (fault() may say why) or too much.
    std::size_t take(std::string_view bytes);

    /// Nothing more comes. True: that was the end that was expected.
    bool take_end();

    [[nodiscard]] bool complete() const { return complete_; }

private:
    std::size_t take_text(std::string_view bytes);
    std::size_t take_message(std::string_view bytes);
    std::size_t take_until_match(std::string_view bytes);
    void judge(std::string_view message);

    const response_matcher& rule_;
    std::string kept_; // what has come, where it must be looked at as a whole
    std::size_t taken_ = 0;
    bool complete_ = false;
    std::string fault_;
};

/// \n, \r, \t, \\ and \x1b as the bytes that they stand for. Throws std::invalid_argument for other escapes.
std::string unescaped(std::string_view text);

} // namespace parley
