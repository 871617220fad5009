// Reads the small text files of /proc and /sys (proc(5)).
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Returns the contents of a small file. Returns an empty string if it cannot be read: the process may have
/// ended, and not every kernel has every file.
std::string read_file(const std::string& path);

/// Returns the value of the line "key : value" with exactly this key, or an empty string.
std::string_view field_of(std::string_view text, std::string_view key);

} // namespace parley
