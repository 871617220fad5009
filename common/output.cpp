// Output on top of stdio. stdio remembers that a write has failed (ferror(3)), but not its errno. As in
// coreutils, the reason is reported only if the last flush fails.
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
    if (std::ferror(stdout) != 0) return; // a result was lost: finish_output() must still see that
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    // ferror, not the result of fflush: on a terminal fwrite(3) itself writes each line, and may fail.
    if (std::ferror(stdout) == 0) return;
    __fpurge(stdout); // otherwise the next flush would try to write the text again
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
