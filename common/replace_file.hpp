// Atomic replacement of result files: a file has either its complete new content or its old one.
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Checks that replace_file() can write to `name`, before a long run whose result it will be. Changes nothing.
/// Throws std::system_error that names the file.
void check_replaceable(const std::string& name);

/// True if writing to `name` replaces its content. False for standard output, pipes and devices: write a result
/// to them only once, at the end.
bool can_be_replaced(const std::string& name);

/// Replaces the content of a file by `text`. Writes a temporary file in the same folder, flushes it to the disk
/// (fdatasync(2)), and renames it (rename(2)). Keeps the mode and follows symbolic links. A pipe or device is
/// written to; so is a file that cannot be replaced, such as a mount point or a file in a folder of another
/// user. If `name` is standard error, the text follows the messages. Throws std::system_error that names the
/// file; a file that can be replaced then keeps its old content.
void replace_file(const std::string& name, std::string_view text);

/// True if `name` refers to standard output, such as /dev/stdout. Do not replace such a file: later output
/// would go to the old file, which has lost its name.
bool is_standard_output(const std::string& name);

/// True if both names refer to the same file, so that the second result would overwrite the first. False for
/// /dev/null.
bool is_same_file(const std::string& first, const std::string& second);

} // namespace parley
