// stdio keeps an error of standard output until the end (ferror(3)), but not its errno: as coreutils do, the
// reason is told if the last flush has it.
#include "common/output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdio_ext.h>

namespace parley {

void write_result(std::string_view text) noexcept { std::fwrite(text.data(), 1, text.size(), stdout); }

bool flush_results() noexcept { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

void write_message(std::string_view text) noexcept {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
    std::clearerr(stderr);
}

void write_notice(std::string_view text) noexcept {
    if (std::ferror(stdout) != 0) return; // a result was lost: that stays known
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    // To a terminal fwrite(3) writes each line itself: its failure is not that of the flush.
    if (std::ferror(stdout) == 0) return;
    __fpurge(stdout); // or it would be tried again, and fail again
    std::clearerr(stdout);
}

int finish_output(std::string_view program, int status) noexcept {
    errno = 0;
    if (flush_results()) return status;
    const int error = errno;
    try {
        print_message("{}: standard output: {}\n", program,
                      error == 0 ? "cannot be written" : std::strerror(error));
    } catch (...) { // no memory for the message
    }
    return 1;
}

} // namespace parley
