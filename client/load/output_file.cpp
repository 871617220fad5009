#include "client/load/output_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

output_file::output_file(const std::string& name) : name_{name} {
    if (name.empty() || to_standard_output()) return;
    file_.open(name);
    if (!file_) fail();
}

void output_file::write(std::string_view text) {
    if (to_standard_output()) {
        fmt::print("{}", text);
        std::fflush(stdout); // who reads along wants each row when it is written
        return;
    }
    if (file_.is_open() && !(file_ << text << std::flush)) fail();
}

void output_file::fail() const {
    throw std::runtime_error(fmt::format("cannot write {}: {}", name_, std::strerror(errno)));
}

} // namespace parley
