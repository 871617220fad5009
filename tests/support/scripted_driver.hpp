// A driver in memory: what the peer says is a script, time is a number, and all that happens is written down.
#pragma once

#include "common/session/session.hpp"

#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

class scripted_driver {
public:
    explicit scripted_driver(session session) : session_{std::move(session)} {}

    /// Lets the peer say `reads`, one a read, and goes on until the session has finished or needs more.
    /// Returns what happened, as in "reads, says 'one', pauses 5 ms, computes, ends". Throws what the session
    /// throws.
    std::string play(const std::vector<std::string>& reads) {
        std::string story;
        auto next_read = reads.begin();
        for (;;) {
            if (!story.empty()) story += ", ";
            const step* now = session_.next();
            if (!now) return story + "ends";
            if (std::holds_alternative<need_input>(*now)) {
                story += "reads";
                if (next_read == reads.end()) return story;
                feed(*next_read++);
            } else if (const auto* out = std::get_if<output>(now)) {
                story += fmt::format("says '{}'", out->bytes);
            } else if (const auto* pause = std::get_if<delay>(now)) {
                story += fmt::format("pauses {} ms", pause->time.count());
            } else {
                story += "computes";
                std::get<compute> (*now)();
            }
        }
    }

    /// The same, up to the end of the peer's input.
    std::string play_to_end(std::vector<std::string> reads) {
        reads.emplace_back();
        return play(reads);
    }

    session& get_session() { return session_; }

private:
    /// A session may look at what it was fed until it needs input again, and at no byte beyond: memory of
    /// just that size and time, so that AddressSanitizer sees whoever looks longer or further.
    void feed(std::string_view bytes) {
        lent_ = std::make_unique_for_overwrite<char[]>(bytes.size());
        if (!bytes.empty()) std::memcpy(lent_.get(), bytes.data(), bytes.size());
        session_.feed({lent_.get(), bytes.size()});
    }

    session session_;
    std::unique_ptr<char[]> lent_;
};

} // namespace parley
