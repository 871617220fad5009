// Reading of a file as a whole, in pieces, and by line.
//
//   Python       f.read(), f.read(size), f.readline(), f.readlines(), for line in f
//   look at      the pieces: a read returns at most what was asked for, and 0 bytes at the end of the file
//   afterwards   file_modes; lab 1; common/session/input_buffer.cpp, which splits pieces into lines
#include "common/unique_fd.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <array>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <unistd.h>

using namespace parley;

namespace {

void read_whole(const char* name) {
    std::ifstream file{name};
    const std::string text{std::istreambuf_iterator{file}, {}};
    print_line("whole: {} bytes", text.size());
}

/// The only way for a file that does not fit into the memory, and for a socket.
void read_in_pieces(const char* name) {
    const unique_fd file{check("open", name, [&] { return open(name, O_RDONLY | O_CLOEXEC); })};
    std::array<char, 8> piece{};
    for (;;) {
        const auto count = check("read", name, [&] { return read(file.get(), piece.data(), piece.size()); });
        if (count == 0) break;
        std::string text{piece.data(), static_cast<std::size_t>(count)};
        for (auto& character : text)
            if (character == '\n') character = '|'; // so that a piece is one line of the output
        print_line("piece: {} bytes '{}'", count, text);
    }
    print_line("piece: 0 bytes, the end of the file");
}

void read_by_line(const char* name) {
    std::ifstream file{name};
    int number = 0;
    for (std::string line; std::getline(file, line);) print_line("line {}: '{}'", ++number, line);
}

} // namespace

int main() {
    const temporary_folder folder;
    std::ofstream{"poem.txt"} << "first line\nsecond\n\nthe last";
    read_whole("poem.txt");
    read_in_pieces("poem.txt");
    read_by_line("poem.txt");
}
