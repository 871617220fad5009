#include "client/compare/measure/progress.hpp"

#include "common/escaped.hpp"
#include "common/output.hpp"
#include "common/terminal_width.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace parley {

namespace {
constexpr auto erase_line = "\r\x1b[K";
}

progress::progress(std::size_t steps) : steps_{steps}, is_terminal_{isatty(STDERR_FILENO) == 1} {}

progress::~progress() {
    if (is_terminal_) write_message(erase_line);
}

void progress::show(std::size_t done, const std::string& step) const {
    if (!is_terminal_) return;
    using namespace std::chrono;
    std::string left;
    if (done > 0) {
        const duration<double> elapsed = steady_clock::now() - begin_;
        const auto rest = elapsed * static_cast<double>(steps_ - done) / static_cast<double>(done);
        left = fmt::format(", {:.0f} s left", rest.count());
    }
    const auto line = terminal_safe(fmt::format("{} of {}{}: {}", done + 1, steps_, left, step));
    print_message("{}{}", erase_line, cut_to(line, columns_of(STDERR_FILENO) - 1));
}

} // namespace parley
