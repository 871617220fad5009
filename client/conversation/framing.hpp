// Framing of messages in a byte stream: by a newline, or by a length before each message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace parley {

enum class framing { none, line, u16, u32 }; // lengths in network byte order

/// Parses "none", "line", "u16" or "u32". Throws std::invalid_argument for any other text.
framing parse_framing(std::string_view text);
std::string_view to_string(framing framing);

/// The longest accepted message, 16 MiB. A larger announced length is an error, so that it allocates no memory.
inline constexpr std::size_t longest_message = 16 * 1024 * 1024;

/// Returns the number of bytes before a message.
std::size_t prefix_size(framing framing);

/// Returns the bytes before a message of this size.
std::string prefix_for(std::size_t size, framing framing);

/// Returns the message with its framing. Throws std::invalid_argument for a newline in a line or a message that
/// is too long.
std::string framed(std::string_view message, framing framing);

/// Returns the size of the message that the prefix of prefix_size() bytes announces.
std::size_t announced_size(std::string_view prefix);

} // namespace parley
