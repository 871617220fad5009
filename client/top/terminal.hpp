// Full-screen terminal (ncurses(3)). The destructor restores its earlier state.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

struct screen; // ncurses' own

namespace parley {

class terminal {
public:
    /// Takes over the terminal of standard input and output. Call it after stop_signal::install(): ncurses then
    /// leaves its signals alone. Throws std::runtime_error if the type of the terminal is unknown.
    terminal();
    ~terminal();
    terminal(const terminal&) = delete;
    terminal& operator=(const terminal&) = delete;

    [[nodiscard]] std::size_t rows() const;
    [[nodiscard]] std::size_t columns() const;

    enum class style { plain, bold, reversed };

    /// Writes a line of printable ASCII, cut off at the width of the terminal.
    void put(std::size_t row, const std::string& text, style look = style::plain);

    /// Shows what was put since the last call, and blanks elsewhere.
    void show();

    enum class key { none, quit, up, down, page_up, page_down, first, last, other };

    /// Returns the next key, `other` after a change of size, or `none` if there was no input. Does not wait.
    [[nodiscard]] key next_key();

private:
    std::unique_ptr<::screen, void (*)(::screen*)> screen_;
};

} // namespace parley
