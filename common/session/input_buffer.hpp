// Lines out of reads: TCP is a stream, so one read may hold half a line or a hundred. The bytes added are
// borrowed, not copied; only a line that is split over reads is put together in memory of our own.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parley {

class input_buffer {
public:
    /// The longest line, without its end, that is taken. What is longer is skipped up to its end.
    static constexpr std::size_t line_limit = 64 * 1024;

    enum class search_result {
        found,     // take() it
        too_long,  // a line went over the limit; said once for each such line
        need_more, // add() more first
        end,       // nothing is left, and nothing will come
    };

    /// True if bytes that were added have not been searched yet: another line may be at hand.
    [[nodiscard]] bool has_unread() const { return !borrowed_.empty(); }

    /// Lends bytes that follow those added before. To be called only when nothing was found; the bytes
    /// must stay valid until nothing is found again.
    void add(std::string_view bytes) { borrowed_ = bytes; }

    /// Nothing will be added any more. A last line without its newline counts as a line.
    void end() { ended_ = true; }

    /// Looks for the next line, which take() then returns without its "\n" or "\r\n".
    search_result next_line();

    /// Looks for any bytes at all, however they were cut into lines.
    search_result next_bytes();

    /// What was found last. Valid until the next search.
    [[nodiscard]] std::string_view take() const { return taken_; }

private:
    static void release(std::string& text);
    search_result nothing_more() const { return ended_ ? search_result::end : search_result::need_more; }

    std::string_view borrowed_; // not yet searched
    std::string kept_;          // the beginning of a line; holds no newline
    std::string whole_;         // the last line that had to be put together
    std::string_view taken_;
    bool skipping_ = false; // inside a line that was too long
    bool ended_ = false;
};

} // namespace parley
