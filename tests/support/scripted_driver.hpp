// A driver in memory for session tests: input is a script, time a number, and the output a text.
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

    /// Feeds `reads`, one per read, and runs the session until it finishes or needs more input. Returns the
    /// story, as in "reads, says 'one', pauses 5 ms, computes, ends". Throws what the session throws.
    std::string play(const std::vector<std::string>& reads) {
        std::string story;
        auto next_read = reads.begin();
        for (;;) {
            if (!story.empty()) story += ", ";
            const step* next = session_.next();
            if (!next) return story + "ends";
            if (std::holds_alternative<need_input>(*next)) {
                story += "reads";
                if (next_read == reads.end()) return story;
                feed(*next_read++);
            } else if (const auto* out = std::get_if<output>(next)) {
                story += fmt::format("says '{}'", out->bytes);
            } else if (const auto* pause = std::get_if<delay>(next)) {
                story += fmt::format("pauses {} ms", pause->time.count());
            } else {
                story += "computes";
                std::get<compute> (*next)();
            }
        }
    }

    /// Like play(), and then ends the input.
    std::string play_to_end(std::vector<std::string> reads) {
        reads.emplace_back();
        return play(reads);
    }

    session& get_session() { return session_; }

private:
    /// Copies `bytes` to memory of their size that is freed at the next input. A session may read its input
    /// only until then, so AddressSanitizer reports a session that reads later or further.
    void feed(std::string_view bytes) {
        input_ = std::make_unique_for_overwrite<char[]>(bytes.size());
        if (!bytes.empty()) std::memcpy(input_.get(), bytes.data(), bytes.size());
        session_.feed({input_.get(), bytes.size()});
    }

    session session_;
    std::unique_ptr<char[]> input_;
};

} // namespace parley
