// Folders and files, which are made, renamed and removed.
//
//   Python       os.mkdir, os.makedirs, os.rename, os.remove, os.rmdir
//   look at      the failures: each has a reason, and a folder with content is not removed by rmdir(2)
//   afterwards   copy_move; lab 1; common/replace_file.cpp, where rename(2) replaces a file atomically
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <fstream>

namespace fs = std::filesystem;
using namespace parley;

namespace {

/// Calls `action(error)` and prints how it ended. The functions of std::filesystem throw unless they are given
/// a std::error_code.
template <class Action>
void attempt(const char* what, Action action) {
    std::error_code error;
    action(error);
    print_line("{}: {}", what, error ? error.message() : "done");
}

} // namespace

int main() {
    const temporary_folder folder;

    attempt("make testdir", [](auto& error) { fs::create_directory("testdir", error); });
    attempt("make a/b/c", [](auto& error) { fs::create_directory("a/b/c", error); });
    attempt("make a/b/c with its parents", [](auto& error) { fs::create_directories("a/b/c", error); });

    std::ofstream{"test.txt"} << "hello\n";
    attempt("rename test.txt to test.py", [](auto& error) { fs::rename("test.txt", "test.py", error); });
    print_line("test.txt exists: {}, test.py exists: {}", fs::exists("test.txt"), fs::exists("test.py"));
    attempt("rename test.txt again", [](auto& error) { fs::rename("test.txt", "test.py", error); });

    attempt("remove test.py", [](auto& error) { fs::remove("test.py", error); });
    attempt("remove testdir", [](auto& error) { fs::remove("testdir", error); });
    attempt("remove a", [](auto& error) { fs::remove("a", error); });
    attempt("remove a with all that is in it", [](auto& error) { fs::remove_all("a", error); });
    print_line("The folder is empty: {}", fs::is_empty("."));
}
