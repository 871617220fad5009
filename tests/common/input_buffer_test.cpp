// Tests of input_buffer: lines from reads of any size.
#include "common/session/input_buffer.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <malloc.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace parley {

namespace {

constexpr auto limit = input_buffer::line_limit;
const std::string too_long = "(too long)";

std::vector<std::string> take_all_lines(input_buffer& input) {
    std::vector<std::string> lines;
    for (;;) {
        switch (input.next_line()) {
        case input_buffer::search_result::found: lines.emplace_back(input.take()); break;
        case input_buffer::search_result::too_long: lines.push_back(too_long); break;
        case input_buffer::search_result::need_more:
        case input_buffer::search_result::end: return lines;
        }
    }
}

/// Returns the lines of `text`, read in chunks whose sizes `next_size` chooses.
template <class NextSize>
std::vector<std::string> lines_of(std::string_view text, NextSize next_size) {
    input_buffer input;
    std::vector<std::string> lines;
    const auto take = [&] {
        auto new_lines = take_all_lines(input);
        std::move(new_lines.begin(), new_lines.end(), std::back_inserter(lines));
    };
    while (!text.empty()) {
        const auto chunk = text.substr(0, std::max<std::size_t>(1, next_size()));
        // A copy of exactly this size and lifetime, so that AddressSanitizer finds any later or longer
        // access.
        const auto copy = std::make_unique_for_overwrite<char[]>(chunk.size());
        chunk.copy(copy.get(), chunk.size());
        input.add({copy.get(), chunk.size()});
        take();
        text.remove_prefix(chunk.size());
    }
    input.end();
    take();
    return lines;
}

/// Returns the lines of the whole text by a simple loop, as the oracle.
std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto newline = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, newline);
        const bool complete = newline != text.size();
        text.remove_prefix(complete ? newline + 1 : newline);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(line.size() > limit ? too_long : std::string{line});
    }
    return lines;
}

} // namespace

TEST_CASE("a line of just the limit is taken wherever it is cut") {
    const auto text = std::string(limit, 'x') + "\r\nnext\n";
    const std::vector<std::string> expected{std::string(limit, 'x'), "next"};
    for (const auto cut : {std::size_t{1}, limit - 1, limit, limit + 1, limit + 2}) {
        CAPTURE(cut);
        CHECK(lines_of(text, [cut] { return cut; }) == expected);
    }
}

TEST_CASE("a line one byte over the limit is too long wherever it is cut") {
    for (const std::string ending : {"\n", "\r\n"}) {
        const auto text = std::string(limit + 1, 'x') + ending + "next\n";
        for (const auto cut : {std::size_t{1}, limit - 1, limit, limit + 1, limit + 2, limit + 3}) {
            CAPTURE(cut);
            CHECK(lines_of(text, [cut] { return cut; }) == std::vector<std::string>{too_long, "next"});
        }
    }
}

TEST_CASE("any cutting of a text into reads gives the same lines") {
    std::mt19937 random{20240601};
    const auto below = [&](std::size_t bound) { return random() % bound; };
    const std::vector<std::size_t> sizes{0, 0, 1, 2, 3, 10, 100, limit - 1, limit, limit + 1, 2 * limit};
    for (int round = 0; round != 100; ++round) {
        std::string text;
        for (auto count = below(8); count != 0; --count) {
            std::string line(sizes[below(sizes.size())], 'a');
            for (auto& byte : line) byte = "abc\r\0"[below(5)];
            text += line + (below(2) == 0 ? "\n" : "\r\n");
        }
        if (below(2) == 0 && !text.empty()) text.pop_back(); // a last line without line end
        const auto largest = std::vector<std::size_t>{1, 3, 1000, limit, 3 * limit}[below(5)];
        CAPTURE(round);
        const auto lines = lines_of(text, [&] { return 1 + below(largest); });
        const bool same = lines == split(text); // outside of CHECK, which would print megabytes
        CHECK(same);
    }
}

TEST_CASE("bytes are taken as they come, and what was kept of a line comes first") {
    input_buffer input;
    input.add("one\ntw");
    CHECK(input.next_line() == input_buffer::search_result::found);
    CHECK(input.take() == "one");
    CHECK(input.next_line() == input_buffer::search_result::need_more);
    input.add("o\nthree");
    CHECK(input.next_bytes() == input_buffer::search_result::found);
    CHECK(input.take() == "two\nthree");
    CHECK(input.next_bytes() == input_buffer::search_result::need_more);
    input.end();
    CHECK(input.next_bytes() == input_buffer::search_result::end);
    CHECK(input.next_line() == input_buffer::search_result::end);
}

TEST_CASE("a part of a line of bytes is not lost at the end of input") {
    input_buffer input;
    input.add("half");
    CHECK(input.next_line() == input_buffer::search_result::need_more);
    input.end();
    CHECK(input.next_bytes() == input_buffer::search_result::found);
    CHECK(input.take() == "half");
    CHECK(input.next_bytes() == input_buffer::search_result::end);
}

// Sanitizers replace malloc(3), which mallinfo2(3) needs.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a long line that came in pieces leaves no memory behind, whether it was taken or too long") {
    for (const std::size_t size : {limit, 2 * limit}) {
        input_buffer input;
        const auto before = mallinfo2().uordblks;
        const std::string text(size, 'x'), end = "\n";
        const auto test_memory = mallinfo2().uordblks - before;
        input.add(std::string_view{text}.substr(0, size / 2));
        CHECK(input.next_line() == input_buffer::search_result::need_more);
        input.add(std::string_view{text}.substr(size / 2));
        while (input.next_line() != input_buffer::search_result::need_more) {
        }
        input.add(end);
        while (input.next_line() != input_buffer::search_result::need_more) {
        }
        CHECK(mallinfo2().uordblks < before + test_memory + 1000);
    }
}
#endif

} // namespace parley
