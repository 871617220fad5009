// The other programs of parley, which are built and installed beside this one.
#pragma once

#include <string>
#include <vector>

namespace parley {

/// Where the program `name` is: at `path`, or if that is empty beside the running program, or in PATH. `option`
/// is how a user says the path. Throws std::invalid_argument where there is none.
std::string program_at(const std::string& path, const std::string& name, const std::string& option);

/// The SHA-256 of the file of a program, in hexadecimal: another build has another one. Throws
/// std::runtime_error if it cannot be read.
std::string digest_of(const std::string& program);

/// The lines that `program argument` prints. Throws std::runtime_error where it fails.
std::vector<std::string> lines_of(const std::string& program, const std::string& argument);

} // namespace parley
