// The table of profiles. To add one, write a function and a row.
#include "client/check/profile.hpp"

#include "client/conversation/payload.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

namespace {

/// Bytes with all values, which differ for each number.
std::string any_bytes(std::size_t number, std::size_t size) {
    std::string bytes(size, '\0');
    payload{1, number, 1}.bytes(bytes, 0);
    return bytes;
}

/// Letters, and a newline as the last of `size` bytes.
std::string line_of_letters(std::size_t number, std::size_t size) {
    std::string line(std::max<std::size_t>(size, 2), '\n');
    payload{1, number, 1}.letters(std::span{line}.first(line.size() - 1));
    return line;
}

std::string_view without_newline(std::string_view line) { return line.substr(0, line.find('\n')); }

/// Removes a number of at least 1 from the front. Returns false if there is none.
bool remove_number(std::string_view& text) {
    unsigned long number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number == 0) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

bool remove_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

/// A profile that replies to each line by a line.
profile line_profile(std::string name) {
    profile profile;
    profile.name = std::move(name);
    profile.by_lines = true;
    profile.request = line_of_letters;
    profile.reply = [](std::string_view request) { return std::string{request}; };
    profile.is_reply = [](std::string_view request, std::string_view line) {
        return line == without_newline(request);
    };
    return profile;
}

profile echo_profile(const profile_options& options) {
    auto profile = line_profile("echo");
    profile.is_echo = true;
    if (options.lines) return profile;
    profile.by_lines = false;
    profile.request = any_bytes;
    return profile;
}

profile line_echo_profile(const profile_options&) {
    auto profile = line_profile("line");
    profile.is_echo = true;
    return profile;
}

profile welcome_profile(const profile_options& options) {
    profile profile;
    profile.name = "welcome";
    profile.takes_requests = false;
    if (!options.greeting.empty()) profile.greeting = options.greeting + '\n';
    return profile;
}

profile counter_profile(const profile_options&) {
    auto profile = line_profile("counter");
    profile.is_counter = true;
    profile.reply = [](std::string_view) { return std::string{}; };
    profile.is_reply = [](std::string_view, std::string_view line) {
        return remove_number(line) && line.empty();
    };
    return profile;
}

/// "Hello, NAME (request R, worker W)", as parley's service hello.
profile hello_profile(const profile_options&) {
    auto profile = line_profile("hello");
    profile.reply = [](std::string_view) { return std::string{}; };
    profile.is_reply = [](std::string_view request, std::string_view line) {
        return remove_prefix(line, fmt::format("Hello, {} (request ", without_newline(request))) &&
               remove_number(line) && remove_prefix(line, ", worker ") && remove_number(line) && line == ")";
    };
    return profile;
}

profile custom_profile(const profile_options& options) {
    if (options.send.empty() || options.expect.empty())
        throw std::invalid_argument("the profile custom needs --send TEXT and --expect TEXT");
    profile profile;
    profile.name = "custom";
    profile.is_any_size = false;
    profile.by_lines = options.send.ends_with('\n') && options.expect.ends_with('\n');
    profile.request = [text = options.send](std::size_t, std::size_t) { return text; };
    profile.reply = [text = options.expect](std::string_view) { return text; };
    profile.is_reply = [text = options.expect](std::string_view, std::string_view line) {
        return line == without_newline(text);
    };
    return profile;
}

constexpr std::array<profile_row, 6> profile_table{{
    {"echo", "sends all bytes back until the client's end of input", echo_profile},
    {"line", "sends each line back", line_echo_profile},
    {"welcome", "greets each client with a line, and closes", welcome_profile},
    {"counter", "replies to each line by the next number of one counter, which begins at 1", counter_profile},
    {"hello", "replies to each name as parley's service hello", hello_profile},
    {"custom", "replies to --send by --expect", custom_profile},
}};

} // namespace

std::span<const profile_row> profiles() { return profile_table; }

profile make_profile(std::string_view name, const profile_options& options) {
    std::string names;
    for (const auto& row : profile_table) {
        if (row.name == name) return row.make(options);
        names += (names.empty() ? "" : ", ") + std::string{row.name};
    }
    throw std::invalid_argument(fmt::format("there is no profile '{}'; choose one of {}", name, names));
}

} // namespace parley
