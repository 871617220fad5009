// The kernel tells of processes and the machine in small text files (proc(5)).
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// All of a small file; empty where it cannot be read: a process may have gone, and not every kernel has every
/// file.
std::string read_file(const std::string& path);

/// The value behind "key : value" on the line that begins with just that key; empty where there is none.
std::string_view field_of(std::string_view text, std::string_view key);

} // namespace parley
