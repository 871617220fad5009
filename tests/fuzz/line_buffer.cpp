// Fuzz target for input_buffer: lines from reads of any size, compared with a simple search in the whole
// text.
#include "common/session/input_buffer.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using parley::input_buffer;
using lines = std::vector<std::string>;

const std::string too_long = "(too long)";

lines lines_of(std::string_view text) {
    lines result;
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        result.push_back(line.size() > input_buffer::line_limit ? too_long : std::string{line});
    }
    return result;
}

/// Takes all complete lines. Returns true at end of input.
bool take_lines(input_buffer& buffer, lines& lines_found) {
    for (;;) {
        switch (buffer.next_line()) {
        case input_buffer::search_result::found: lines_found.emplace_back(buffer.take()); break;
        case input_buffer::search_result::too_long: lines_found.push_back(too_long); break;
        case input_buffer::search_result::need_more: return false;
        case input_buffer::search_result::end: return true;
        }
    }
}

lines lines_of_reads(std::string_view text, std::size_t most, std::uint32_t cuts) {
    input_buffer buffer;
    lines lines_found;
    while (!text.empty()) {
        cuts = cuts * 1664525 + 1013904223; // a linear congruential generator (Numerical Recipes)
        const std::string read{text.substr(0, 1 + (cuts >> 8) % most)};
        buffer.add(read);
        if (take_lines(buffer, lines_found)) std::abort();
        text.remove_prefix(read.size());
    }
    buffer.end();
    if (!take_lines(buffer, lines_found)) std::abort();
    return lines_found;
}

} // namespace

/// The first byte chooses the sizes of the reads. Each \xff among the others stands for almost as many bytes
/// as a line may have.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string text;
    int large = 0;
    for (std::size_t i = 1; i != size; ++i) {
        if (data[i] != 0xff)
            text += static_cast<char>(data[i]);
        else if (large++ < 3)
            text.append(input_buffer::line_limit - 2, 'x');
    }
    const std::size_t most = large > 0 ? 40'000 : 1 + data[0] % 32;
    if (lines_of_reads(text, most, data[0]) != lines_of(text)) std::abort();
    return 0;
}
