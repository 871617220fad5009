// A driver in memory: performs the steps of a session without a socket and without a clock, and prints them. It
// is complete; the task is in greeting.cpp.
//
//     sessions $'Ada\nGra' $'ce\n'    # each argument is a piece of the input, as one recv(2) returns it
#include "greeting.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// Prints text with its ends of lines as \n.
void print(const char* name, std::string_view text) {
    std::string escaped;
    for (const char letter : text) escaped += letter == '\n' ? std::string{"\\n"} : std::string{letter};
    std::printf("%s \"%s\"\n", name, escaped.c_str());
}

/// Pieces of input, one after the other in the same buffer, as a server reads them.
class input_pieces {
public:
    explicit input_pieces(std::vector<std::string_view> pieces) : pieces_{std::move(pieces)} {}

    /// Returns the next piece, which is empty at the end. What the buffer had before is overwritten.
    std::string_view next() {
        std::ranges::fill(buffer_, '?');
        if (next_ == pieces_.size()) return {};
        const auto piece = pieces_[next_++];
        if (buffer_.size() < piece.size()) buffer_.resize(piece.size());
        std::ranges::copy(piece, buffer_.begin());
        return {buffer_.data(), piece.size()};
    }

private:
    std::vector<std::string_view> pieces_;
    std::size_t next_ = 0;
    std::vector<char> buffer_ = std::vector<char>(4096);
};

struct printing_driver {
    parley::session& session;
    input_pieces& pieces;

    void operator()(parley::need_input) const {
        const auto piece = pieces.next();
        if (piece.empty())
            std::puts("input  ends");
        else
            print("input ", piece);
        session.feed(piece);
    }
    void operator()(parley::output output) const { print("output", output.bytes); }
    void operator()(parley::delay delay) const {
        std::printf("delay  %lld ms\n", static_cast<long long>(delay.time.count()));
    }
    void operator()(parley::compute work) const { work(); }
};

} // namespace

int main(int argument_count, char* arguments[]) try {
    input_pieces pieces{{arguments + 1, arguments + argument_count}};
    auto session = greet();
    const printing_driver perform{session, pieces};
    while (const auto* step = session.next()) std::visit(perform, *step);
    std::puts("end");
} catch (const std::exception& error) {
    std::fprintf(stderr, "sessions: %s\n", error.what());
    return 1;
}
