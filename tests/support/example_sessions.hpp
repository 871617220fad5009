// Two small sessions for driver tests: one replies to each chunk, the other to each line.
#pragma once

#include "common/session/session.hpp"

#include <fmt/format.h>

namespace parley {

inline session echo() {
    while (auto bytes = co_await read_some()) co_await reply(*bytes);
}

inline session quote_lines() {
    while (auto line = co_await read_line()) {
        const auto text = fmt::format("<{}>", *line);
        co_await reply(text);
    }
}

} // namespace parley
