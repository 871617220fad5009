// What a failure usually means in code, and what to read. One row per fault; several checks can lead to it.
#pragma once

#include <span>
#include <string_view>

namespace parley {

struct hint {
    std::string_view id;
    std::string_view cause;  // in one or two sentences
    std::string_view c;      // what it looks like in C
    std::string_view python; // and in Python
    std::string_view read;   // man page, and the lab of parley
};

/// Returns the hint with this id. Throws std::logic_error if there is none, which a test excludes.
const hint& hint_of(std::string_view id);

std::span<const hint> hints();

} // namespace parley
