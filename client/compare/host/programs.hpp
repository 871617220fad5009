// The other programs of parley, which are built and installed next to this one.
#pragma once

#include <string>
#include <vector>

namespace parley {

/// Returns the path of the program `name`: `path`, or if that is empty, next to the running program or in PATH.
/// `option` sets the path and is named in the error. Throws std::invalid_argument if there is no such program.
std::string program_at(const std::string& path, const std::string& name, const std::string& option);

/// Returns the SHA-256 of a program file in hexadecimal, which differs between builds. Throws
/// std::runtime_error if the file cannot be read.
std::string digest_of(const std::string& program);

/// Returns the lines that `program argument` prints. Throws std::runtime_error if it fails.
std::vector<std::string> lines_of(const std::string& program, const std::string& argument);

} // namespace parley
