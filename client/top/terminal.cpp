#include "client/top/terminal.hpp"

#include <algorithm>
#include <cstdlib>
#include <ncurses.h>
#include <stdexcept>

namespace parley {

terminal::terminal() : screen_{newterm(nullptr, stdout, stdin), delscreen} {
    if (!screen_) {
        const char* type = std::getenv("TERM");
        throw std::runtime_error(std::string{"the terminal's type '"} + (type ? type : "") +
                                 "' (TERM) is unknown: use --once");
    }
    cbreak(); // delivers keys at once, not lines
    noecho();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    set_escdelay(25); // ms to tell the Escape key from the start of a key sequence
    curs_set(0);
}

terminal::~terminal() { endwin(); }

std::size_t terminal::rows() const { return static_cast<std::size_t>(std::max(LINES, 1)); }

std::size_t terminal::columns() const { return static_cast<std::size_t>(std::max(COLS, 1)); }

void terminal::put(std::size_t row, const std::string& text, style look) {
    if (row >= rows()) return;
    auto line = text.substr(0, columns());
    if (look == style::reversed) line.resize(columns(), ' ');
    const auto attribute = look == style::bold ? A_BOLD : look == style::reversed ? A_REVERSE : A_NORMAL;
    attrset(attribute);
    mvaddstr(static_cast<int>(row), 0, line.c_str());
    attrset(A_NORMAL);
}

void terminal::show() {
    refresh();
    erase();
}

terminal::key terminal::next_key() {
    switch (getch()) {
    case ERR: return key::none;
    case 'q':
    case 'Q': return key::quit;
    case KEY_UP:
    case 'k': return key::up;
    case KEY_DOWN:
    case 'j': return key::down;
    case KEY_PPAGE: return key::page_up;
    case KEY_NPAGE:
    case ' ': return key::page_down;
    case KEY_HOME: return key::first;
    case KEY_END: return key::last;
    case KEY_RESIZE:
        clearok(curscr, TRUE);
        return key::other; // redraws all, since some terminals leave garbage
    default: return key::other;
    }
}

} // namespace parley
