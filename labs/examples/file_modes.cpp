// The modes of opening a file (open(2)), and the buffer between a program and a file (setvbuf(3)).
//
//   Python       open(name, 'w'), 'a', 'x', 'r+', 'rb', and its argument buffering (0, 1, size); f.flush()
//   look at      the sizes: text in the buffer is not in the file yet. A kill loses it
//   afterwards   close_on_every_path; lab 1, where a log must survive a kill; common/output.cpp
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

using namespace parley;

namespace {

std::string content(const char* name) {
    std::ifstream file{name};
    return {std::istreambuf_iterator{file}, {}};
}

/// Opens a file as Python does, writes `text` if it can be opened, and prints the content.
void write_with_mode(const char* mode, const char* text) {
    if (auto* file = std::fopen("data.txt", mode)) {
        std::fputs(text, file);
        std::fclose(file);
        print_line("mode {:2} and '{}': the file contains '{}'", mode, text, content("data.txt"));
    } else {
        print_line("mode {:2} and '{}': {}", mode, text, std::strerror(errno));
    }
}

/// Prints the size of a file after each step of writing to it.
void write_with_buffer(const char* title, int kind) {
    auto* file = std::fopen("log.txt", "w");
    if (file == nullptr) throw_errno("open", "log.txt");
    std::setvbuf(file, nullptr, kind, BUFSIZ);
    const auto size = [] { return std::filesystem::file_size("log.txt"); };
    std::fputs("ab", file);
    const auto part = size();
    std::fputs("c\n", file);
    const auto line = size();
    std::fflush(file);
    print_line("{}: {} bytes after 'ab', {} after 'c' and a line end, {} after a flush", title, part, line,
               size());
    std::fclose(file);
}

} // namespace

int main() {
    const temporary_folder folder;
    write_with_mode("r+", "one");  // change a file that exists
    write_with_mode("w", "first"); // make it, or cut it to 0 bytes
    write_with_mode("a", "-end");  // add at the end
    write_with_mode("r+", "F");    // change the beginning
    write_with_mode("wx", "new");  // make it; fail if it exists
    write_with_mode("w", "again");

    write_with_buffer("no buffer", _IONBF);
    write_with_buffer("a buffer for a line", _IOLBF);
    write_with_buffer("a buffer for a block", _IOFBF);
}
