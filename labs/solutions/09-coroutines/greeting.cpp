// The session of greeting.hpp. What it remembers between two lines are variables of a function.
#include "greeting.hpp"

#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using std::chrono::milliseconds;

milliseconds parse_milliseconds(std::string_view text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::invalid_argument("'" + std::string{text} + "' is no number of milliseconds");
    return milliseconds{value};
}

} // namespace

parley::session greet() {
    co_await parley::reply("Welcome!\n");
    std::string last_name; // a copy: the text of a line is valid until the next read
    while (const auto line = co_await parley::read_line()) {
        if (*line == "exit") co_return;
        std::string text;
        if (line->starts_with("wait ")) {
            const auto time = parse_milliseconds(line->substr(5));
            co_await parley::pause(time);
            text = "waited " + std::to_string(time.count()) + " ms\n";
        } else {
            text = (*line == last_name ? "Hello again, " : "Hello, ") + std::string{*line} + "!\n";
            last_name = *line;
        }
        co_await parley::reply(text);
    }
}
