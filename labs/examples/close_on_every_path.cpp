// A file that is closed on every path out of a function, by its owner's destructor (RAII).
//
//   Python       with open(...) as f, or try ... finally: f.close()
//   look at      the files that are still open after the early return and after the exception
//   afterwards   lab 1; common/unique_fd.hpp, the owner of every descriptor in parley
#include "common/unique_fd.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace parley;

namespace {

enum class path { to_the_end, early_return, exception };

/// The iterator has a descriptor of its own, which is not counted.
auto open_files() {
    return std::distance(fs::directory_iterator{"/proc/self/fd"}, fs::directory_iterator{}) - 1;
}

int open_data() {
    return check("open", "data.txt", [] { return open("data.txt", O_RDONLY | O_CLOEXEC); });
}

/// The destructor of `file` closes it. So no path can forget it.
void with_owner(path way) {
    const unique_fd file{open_data()};
    if (way == path::early_return) return;
    if (way == path::exception) throw std::runtime_error("the data are damaged");
}

/// The same by hand: one close() per path, and one is missing.
void by_hand(path way) {
    const int file = open_data();
    if (way == path::early_return) return; // forgotten: a leak
    try {
        if (way == path::exception) throw std::runtime_error("the data are damaged");
    } catch (...) {
        close(file);
        throw;
    }
    close(file);
}

void attempt(const char* title, void (*function)(path), path way) {
    const auto before = open_files();
    try {
        function(way);
    } catch (const std::runtime_error&) { // expected
    }
    print_line("{}: {} files leaked", title, open_files() - before);
}

} // namespace

int main() {
    const temporary_folder folder;
    std::ofstream{"data.txt"} << "x\n";
    attempt("owner, to the end", with_owner, path::to_the_end);
    attempt("owner, early return", with_owner, path::early_return);
    attempt("owner, exception", with_owner, path::exception);
    attempt("by hand, to the end", by_hand, path::to_the_end);
    attempt("by hand, early return", by_hand, path::early_return);
    attempt("by hand, exception", by_hand, path::exception);
}
