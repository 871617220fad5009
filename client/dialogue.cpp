#include "client/dialogue.hpp"

#include <fmt/format.h>
#include <stdexcept>
#include <utility>

namespace parley {

dialogue::waits_for dialogue::go_on(std::unique_ptr<input_area>& spare, slot& notes) {
    using driver = nonblocking_driver::waits_for;
    switch (driver_.go_on(spare, notes)) {
    case driver::nothing: return now_ = waits_for::nothing;
    case driver::room: return now_ = waits_for::room;
    case driver::input: break;
    case driver::time:
    case driver::work: throw std::logic_error("a client's conversation only sends and reads");
    }
    if (exchange_.has_ended() && !std::exchange(output_ended_, true)) driver_.wire().end_output();
    return now_ = waits_for::input;
}

failure dialogue::late(std::chrono::milliseconds limit) const {
    const bool sends = now_ == waits_for::room;
    const auto what = sends                   ? "the server did not read"
                      : exchange_.has_ended() ? "the server did not end the conversation"
                                              : "no answer";
    return {sends ? phase::write : phase::read, sends ? "send" : "recv", "ETIMEDOUT",
            fmt::format("{} within {} ms", what, (limit + plan_.least_time).count())};
}

} // namespace parley
