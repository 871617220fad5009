// Paths as values, which are joined, split, and made absolute; their extension and their normal form.
//
//   Python       os.path.join, split, splitext, abspath, normpath, exists; pathlib
//   look at      join: an absolute second part replaces the first one. A path is a text, with or without a file
//   afterwards   list_folder, folders; lab 1; common/replace_file.cpp
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

namespace fs = std::filesystem;
using namespace parley;

int main() {
    const temporary_folder folder;

    const auto joined = fs::path{"/Users/ada"} / "notes" / "file.txt";
    print_line("join:      {}", joined.string());
    print_line("join:      {}", (fs::path{"/Users/ada"} / "/etc/hosts").string());

    print_line("split:     {} and {}", joined.parent_path().string(), joined.filename().string());
    print_line("extension: {} and {}", joined.stem().string(), joined.extension().string());
    print_line("extension: of archive.tar.gz it is {}", fs::path{"archive.tar.gz"}.extension().string());
    print_line("replace:   {}", fs::path{joined}.replace_extension(".bak").string());

    print_line("parts:");
    for (const auto& part : joined) print_line("           {}", part.string());

    print_line("normal:    {}", fs::path{"/Users/./ada/old/../new"}.lexically_normal().string());
    print_line("relative:  {}", joined.lexically_relative("/Users/ada").string());

    // The current folder is asked for here, and nowhere above.
    print_line("absolute:  {}", fs::absolute("file.txt").string());
    print_line("exists:    {}", fs::exists(joined));
}
