#include "client/top/observation.hpp"

#include <utility>

namespace parley {

observation::observation(scoreboard_snapshot first) : now_{std::move(first)}, span_{now_.uptime} {}

void observation::update(scoreboard_snapshot later) {
    before_ = std::exchange(now_, std::move(later));
    span_ = now_.at - before_.at;
    since_beginning_ = false;
}

rates observation::between(const tally& before, const tally& now) const {
    const auto per_second = [this](std::uint64_t earlier, std::uint64_t later) {
        const bool is_valid = later >= earlier && span_.count() > 0;
        return is_valid ? static_cast<double>(later - earlier) / span_.count() : 0;
    };
    return {per_second(before.connections, now.connections), per_second(before.requests, now.requests),
            per_second(before.bytes_in, now.bytes_in), per_second(before.bytes_out, now.bytes_out)};
}

rates observation::of(const worker_snapshot& worker) const {
    const auto index = static_cast<std::size_t>(worker.number) - 1;
    const bool is_new = index >= before_.workers.size();
    return between(is_new ? tally{} : before_.workers[index].counted, worker.counted);
}

double observation::processors() const {
    const std::chrono::duration<double> used = now_.cpu_time - before_.cpu_time;
    return span_.count() > 0 ? used / span_ : 0;
}

} // namespace parley
