// The whole terminal (ncurses(3)), from here on until it is given back as it was.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

struct screen; // ncurses' own

namespace parley {

class terminal {
public:
    /// Takes over the terminal that standard input and output are. After stop_signal::install(), whose signals
    /// ncurses then leaves alone. Throws std::runtime_error where the terminal's type is not known.
    terminal();
    ~terminal();
    terminal(const terminal&) = delete;
    terminal& operator=(const terminal&) = delete;

    [[nodiscard]] std::size_t rows() const;
    [[nodiscard]] std::size_t columns() const;

    enum class style { plain, bold, reversed };

    /// Writes a line of printable ASCII, cut off where the terminal ends.
    void put(std::size_t row, const std::string& text, style how = style::plain);

    /// Shows what was put since the last time, and blanks elsewhere.
    void show();

    enum class key { none, quit, up, down, page_up, page_down, first, last, other };

    /// A key that was pressed, or `other` where the size has changed; `none`: nothing happened. Does not wait.
    [[nodiscard]] key next_key();

private:
    std::unique_ptr<::screen, void (*)(::screen*)> screen_;
};

} // namespace parley
