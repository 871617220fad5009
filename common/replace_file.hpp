// A file with a result is there as a whole, or as it was before: never half written, never empty.
#pragma once

#include <string>
#include <string_view>

namespace parley {

/// Looks whether replace_file() can write to `name`, before the work whose result it is for. Changes nothing.
/// Throws std::system_error that names it.
void check_replaceable(const std::string& name);

/// True if what is written to `name` replaces what was there before: not if it leads to standard output, a pipe
/// or a device, to which a result is written once, at the end.
bool can_be_replaced(const std::string& name);

/// Replaces the file by one with `text`: written beside it under a temporary name, put on the disk
/// (fdatasync(2)), and renamed (rename(2)). The owner's mode is kept and a symbolic link is followed. What is
/// no regular file, as a pipe, is written to; so is a file that cannot be replaced, as a mount point or a file
/// in a folder of another user. A name of standard error is written to among the messages. Throws
/// std::system_error that names it; then a replaced file is as it was.
void replace_file(const std::string& name, std::string_view text);

/// True if `name` leads to where standard output goes, as /dev/stdout does. A file must not be replaced then:
/// what else is written to standard output would go to the one that has lost its name.
bool is_standard_output(const std::string& name);

/// True if both names are of one file, which would hold neither of two results. /dev/null holds any number.
bool is_same_file(const std::string& one, const std::string& other);

} // namespace parley
