// How a receiver finds the end of a message in a stream: by a newline, or by its length before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

enum class framing { none, line, u16, u32 }; // the lengths in network byte order

/// Reads "none", "line", "u16" or "u32". Throws std::invalid_argument that lists them.
framing parse_framing(std::string_view text);
std::string_view to_string(framing how);

/// The longest message that is taken: who announces more is not believed.
inline constexpr std::size_t longest_message = 16 * 1024 * 1024;

/// How many bytes stand before the message.
std::size_t prefix_size(framing how);

/// The bytes before a message of that size.
std::string prefix_for(std::size_t size, framing how);

/// The message as it is sent. Throws std::invalid_argument for one that cannot be: a newline in a line, a
/// message that is too long.
std::string framed(std::string_view message, framing how);

/// The size of the message that these prefix_size() bytes announce.
std::size_t announced_size(std::string_view prefix);

} // namespace parley
