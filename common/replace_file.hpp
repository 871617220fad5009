// A file with a result is there as a whole, or as it was before: never half written, never empty.
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Looks whether replace_file() can write to `name`, before the work whose result it is for. Changes nothing.
/// Throws std::system_error that names it.
void check_replaceable(const std::string& name);

/// Replaces the file by one with `text`: written beside it under a temporary name, put on the disk
/// (fdatasync(2)), and renamed (rename(2)). The owner's mode is kept, a symbolic link is followed, and what is
/// no regular file, as a pipe or /dev/stdout, is written to. Throws std::system_error that names it; then the
/// file is as it was.
void replace_file(const std::string& name, std::string_view text);

/// True if both names are of one file, which would hold neither of two results. /dev/null holds any number.
bool is_same_file(const std::string& one, const std::string& other);

} // namespace parley
