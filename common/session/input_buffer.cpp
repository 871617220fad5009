// Each byte is searched once: what is kept from earlier reads is known to hold no newline.
#include "common/session/input_buffer.hpp"

namespace parley {

namespace {
std::string_view without_carriage_return(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}
} // namespace

/// Gives memory back (an assignment may keep it): an idle connection holds none of its last long line.
void input_buffer::release(std::string& text) {
    if (!text.empty()) std::string{}.swap(text);
}

input_buffer::search_result input_buffer::next_line() {
    release(whole_);
    for (;;) {
        const auto newline = borrowed_.find('\n');
        const bool complete = newline != std::string_view::npos;
        const auto part = borrowed_.substr(0, newline);
        borrowed_.remove_prefix(complete ? newline + 1 : borrowed_.size());

        if (skipping_) {
            if (!complete) return nothing_more();
            skipping_ = false;
            continue;
        }
        // What may yet turn out to be the end of the line does not count.
        const bool carriage_return = part.empty() ? kept_.ends_with('\r') : part.ends_with('\r');
        if (kept_.size() + part.size() > line_limit + (carriage_return ? 1 : 0)) {
            release(kept_);
            skipping_ = !complete;
            return search_result::too_long;
        }
        if (complete && kept_.empty()) {
            taken_ = without_carriage_return(part);
            return search_result::found;
        }
        kept_.append(part);
        if (!complete && (!ended_ || kept_.empty())) return nothing_more();
        whole_.swap(kept_);
        taken_ = without_carriage_return(whole_);
        return search_result::found;
    }
}

input_buffer::search_result input_buffer::next_bytes() {
    release(whole_);
    whole_.swap(kept_);
    if (!whole_.empty()) whole_.append(borrowed_);
    taken_ = whole_.empty() ? borrowed_ : std::string_view{whole_};
    borrowed_ = {};
    return taken_.empty() ? nothing_more() : search_result::found;
}

} // namespace parley
