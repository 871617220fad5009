// Splits input into lines. Each byte is searched once: bytes that are kept from earlier reads contain no
// newline.
#include "common/session/input_buffer.hpp"

namespace parley {

namespace {
std::string_view without_carriage_return(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}
} // namespace

/// Frees the memory, so that an idle connection does not keep that of its last long line. (clear() and
/// assignments may keep it.)
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
            if (!complete) return not_found();
            skipping_ = false;
            continue;
        }
        // A trailing '\r' may be the first half of "\r\n", so it does not count towards the limit.
        const bool carriage_return = part.empty() ? kept_.ends_with('\r') : part.ends_with('\r');
        if (kept_.size() + part.size() > line_limit + (carriage_return ? 1 : 0)) {
            release(kept_);
            skipping_ = !complete;
            return search_result::too_long;
        }
        if (complete && kept_.empty()) {
            found_ = without_carriage_return(part);
            return search_result::found;
        }
        kept_.append(part);
        if (!complete && (!ended_ || kept_.empty())) return not_found();
        whole_.swap(kept_);
        found_ = without_carriage_return(whole_);
        return search_result::found;
    }
}

input_buffer::search_result input_buffer::next_bytes() {
    release(whole_);
    whole_.swap(kept_);
    if (!whole_.empty()) whole_.append(borrowed_);
    found_ = whole_.empty() ? borrowed_ : std::string_view{whole_};
    borrowed_ = {};
    return found_.empty() ? not_found() : search_result::found;
}

} // namespace parley
