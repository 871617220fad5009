#include "client/conversation/poll_until.hpp"

#include "common/check.hpp"

#include <algorithm>
#include <climits>

namespace parley {

bool poll_until(std::optional<std::chrono::steady_clock::time_point> deadline, std::span<pollfd> entries) {
    const auto milliseconds_left = [&] {
        if (!deadline) return -1;
        const auto left = *deadline - std::chrono::steady_clock::now();
        const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left).count();
        return static_cast<int>(std::clamp<std::int64_t>(whole, 0, INT_MAX));
    };
    return check("poll", [&] { return poll(entries.data(), entries.size(), milliseconds_left()); }) > 0;
}

} // namespace parley
