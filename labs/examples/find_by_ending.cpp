// Search for files by the ending of their name, in a folder and in all folders below.
//
//   Python       [f for f in os.listdir('.') if os.path.isfile(f) and os.path.splitext(f)[1] == '.py'],
//                os.walk, glob
//   look at      what is not found: .py is a hidden file without an extension, and old.py is a folder
//   afterwards   lab 1; tests/programs/documents_test.py, which looks for all documents of parley
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <algorithm>
#include <fstream>
#include <vector>

namespace fs = std::filesystem;
using namespace parley;

namespace {

/// Returns the regular files with this extension that `entries` yields, sorted. Works for a folder
/// (directory_iterator) and for a tree (recursive_directory_iterator).
template <class Entries>
std::vector<fs::path> files_with_ending(Entries entries, const fs::path& extension) {
    std::vector<fs::path> found;
    for (const auto& entry : entries)
        if (entry.is_regular_file() && entry.path().extension() == extension)
            found.push_back(entry.path().lexically_relative("."));
    std::sort(found.begin(), found.end());
    return found;
}

} // namespace

int main() {
    const temporary_folder folder;
    fs::create_directories("src/net");
    fs::create_directory("old.py");
    for (const auto* name : {"main.py", "test.py", "notes.txt", ".py", "src/tool.py", "src/net/socket.py"})
        std::ofstream{name} << "x\n";

    print_line("Files that end in .py in this folder:");
    for (const auto& file : files_with_ending(fs::directory_iterator{"."}, ".py"))
        print_line("    {}", file.string());

    print_line("And in the folders below:");
    for (const auto& file : files_with_ending(fs::recursive_directory_iterator{"."}, ".py"))
        print_line("    {}", file.string());
}
