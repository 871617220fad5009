// Line buffer: splits a byte stream into lines. TCP has no message boundaries, so one read may contain half a
// line or a hundred. Added bytes are borrowed, not copied; only a line that is split over reads is copied.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parley {

class input_buffer {
public:
    /// The longest accepted line, in bytes without its end. A longer line is skipped. The limit bounds the
    /// memory of a connection; session.cpp names it in its error message.
    static constexpr std::size_t line_limit = 64 * 1024;

    enum class search_result {
        found,     // take() returns the line or bytes
        too_long,  // a line exceeds the limit; reported once per line
        need_more, // call add() or end() first
        end,       // all input has been taken
    };

    /// True if some of the added bytes have not been searched yet, so that they may contain another line.
    [[nodiscard]] bool has_unread() const { return !borrowed_.empty(); }

    /// Adds the bytes that follow the previous ones. Call it only after a search returned need_more. The bytes
    /// are borrowed: they must stay valid until a search returns need_more again.
    void add(std::string_view bytes) { borrowed_ = bytes; }

    /// Marks the end of input. A last line without a newline counts as a line.
    void end() { ended_ = true; }

    /// Searches for the next line, which take() then returns without its "\n" or "\r\n".
    search_result next_line();

    /// Searches for any bytes, regardless of line ends.
    search_result next_bytes();

    /// Returns the line or bytes found last. Valid until the next search.
    [[nodiscard]] std::string_view take() const { return found_; }

private:
    static void release(std::string& text);
    search_result not_found() const { return ended_ ? search_result::end : search_result::need_more; }

    std::string_view borrowed_; // not yet searched
    std::string kept_;          // the beginning of a line; contains no newline
    std::string whole_;         // the last line that was split over reads
    std::string_view found_;
    bool skipping_ = false; // inside a line that is too long
    bool ended_ = false;
};

} // namespace parley
