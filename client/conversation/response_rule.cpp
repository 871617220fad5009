#include "client/conversation/response_rule.hpp"

#include "client/conversation/expected_response.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

namespace {

/// Limit of the bytes that are searched for a pattern in a stream without framing, since they are kept in
/// memory.
constexpr std::size_t longest_search = 64 * 1024;

std::shared_ptr<const regex_t> compiled(const std::string& text) {
    auto* regex = new regex_t{};
    if (const int error = regcomp(regex, text.c_str(), REG_EXTENDED | REG_NOSUB); error != 0) {
        char message[200];
        regerror(error, regex, message, sizeof message);
        delete regex;
        throw std::invalid_argument(fmt::format("--expect /{}/ is no regular expression: {}", text, message));
    }
    return {regex, [](regex_t* owned) { regfree(owned), delete owned; }};
}

std::optional<std::size_t> number_of_bytes(std::string_view text) {
    constexpr std::string_view unit = " bytes";
    if (!text.ends_with(unit)) return std::nullopt;
    text.remove_suffix(unit.size());
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

} // namespace

std::string unescaped(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto plain = text.substr(0, text.find('\\'));
        result += plain;
        text.remove_prefix(plain.size());
        if (text.empty()) break;
        const char escape = text.size() > 1 ? text[1] : '\0';
        unsigned value = 0;
        if (escape == 'x' && text.size() >= 4 &&
            std::from_chars(text.data() + 2, text.data() + 4, value, 16).ptr == text.data() + 4) {
            result += static_cast<char>(value);
            text.remove_prefix(4);
            continue;
        }
        constexpr std::string_view names = "nrt\\", bytes = "\n\r\t\\";
        const auto index = names.find(escape);
        if (escape == '\0' || index == names.npos)
            throw std::invalid_argument(
                fmt::format("unknown escape in {}: use \\n, \\r, \\t, \\\\ or \\x1b", in_quotes(text)));
        result += bytes[index];
        text.remove_prefix(2);
    }
    return result;
}

response_matcher::response_matcher(std::string_view text, framing framing) : framing_{framing} {
    if (text == "until-close") {
        kind_ = kind::until_close;
    } else if (const auto number = number_of_bytes(text)) {
        if (*number == 0) throw std::invalid_argument("--expect '0 bytes' is no reply: expect at least one");
        kind_ = kind::size;
        size_ = *number;
    } else if (text.size() > 2 && text.front() == '/' && text.back() == '/') {
        kind_ = kind::pattern;
        text_ = text.substr(1, text.size() - 2);
        pattern_ = compiled(text_);
    } else {
        kind_ = kind::text;
        text_ = framed(unescaped(text), framing);
        if (text_.empty()) throw std::invalid_argument("--expect '' is no reply: expect at least one byte");
    }
}

bool response_matcher::matches(std::string_view bytes) const {
    regmatch_t range{.rm_so = 0, .rm_eo = static_cast<regoff_t>(bytes.size())};
    return regexec(pattern_.get(), bytes.data(), 0, &range, REG_STARTEND) == 0;
}

std::string response_matcher::to_string() const {
    switch (kind_) {
    case kind::text: return in_quotes(text_);
    case kind::pattern: return fmt::format("a match of /{}/", text_);
    case kind::size: return fmt::format("{} bytes", size_);
    case kind::until_close: return "anything";
    }
    return "?";
}

void match_response::restart() {
    kept_.clear();
    fault_.clear();
    taken_ = 0;
    complete_ = false;
}

std::size_t match_response::take(std::string_view bytes) {
    if (complete_) return 0;
    const bool is_message = rule_.how() != framing::none && rule_.what() != response_matcher::kind::until_close;
    switch (rule_.what()) {
    case response_matcher::kind::text: return take_text(bytes);
    case response_matcher::kind::until_close: return bytes.size();
    case response_matcher::kind::pattern: return is_message ? take_message(bytes) : take_until_match(bytes);
    case response_matcher::kind::size: break;
    }
    if (is_message) return take_message(bytes);
    const auto size = std::min(bytes.size(), rule_.size() - taken_);
    complete_ = (taken_ += size) == rule_.size();
    return size;
}

std::size_t match_response::take_text(std::string_view bytes) {
    const auto left = std::string_view{rule_.text()}.substr(taken_);
    const auto size = std::min(left.size(), bytes.size());
    const auto wrong =
        std::mismatch(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(size), bytes.begin()).first;
    const auto matched = static_cast<std::size_t>(wrong - left.begin());
    taken_ += matched;
    complete_ = taken_ == rule_.text().size();
    if (matched < size) fault_ = fmt::format("expected {}", in_quotes(left.substr(matched)));
    return matched;
}

std::size_t match_response::take_message(std::string_view bytes) {
    const auto before = kept_.size();
    if (rule_.how() == framing::line) {
        const auto end = bytes.find('\n');
        const auto part = bytes.substr(0, end);
        if (kept_.size() + part.size() > longest_message) return fault_ = "the line is too long", 0;
        kept_ += part;
        if (end == bytes.npos) return bytes.size();
        judge(kept_);
        return complete_ ? end + 1 : 0;
    }
    const auto prefix = prefix_size(rule_.how());
    kept_ += bytes.substr(0, prefix - std::min(prefix, kept_.size()));
    if (kept_.size() < prefix) return bytes.size();
    const auto whole = prefix + announced_size(std::string_view{kept_}.substr(0, prefix));
    if (whole - prefix > longest_message)
        return fault_ = fmt::format("a message of {} bytes was announced", whole - prefix), 0;
    const auto skip = kept_.size() - before;
    kept_ += bytes.substr(skip, whole - kept_.size());
    if (kept_.size() == whole) judge(std::string_view{kept_}.substr(prefix));
    return fault_.empty() ? kept_.size() - before : 0;
}

std::size_t match_response::take_until_match(std::string_view bytes) {
    kept_ += bytes;
    if (rule_.matches(kept_))
        complete_ = true;
    else if (kept_.size() > longest_search)
        return fault_ = fmt::format("expected {} within {} bytes", rule_.to_string(), longest_search), 0;
    return bytes.size();
}

void match_response::judge(std::string_view message) {
    if (rule_.what() == response_matcher::kind::size ? message.size() == rule_.size() : rule_.matches(message))
        complete_ = true;
    else
        fault_ = fmt::format("expected {}, got {}", rule_.to_string(), in_quotes(message));
}

bool match_response::take_end() {
    return complete_ = complete_ || rule_.what() == response_matcher::kind::until_close;
}

} // namespace parley
