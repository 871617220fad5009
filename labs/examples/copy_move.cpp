// Copies and moves of files and of whole trees.
//
//   Python       shutil.copyfile, shutil.copytree, shutil.move, shutil.rmtree
//   look at      the inode: a copy is another file, but a moved file stays the same one under another name
//   afterwards   lab 1; common/replace_file.cpp
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <fstream>
#include <set>
#include <sys/stat.h>

namespace fs = std::filesystem;
using namespace parley;

namespace {

/// Returns the number of a file in its file system (inode(7)).
ino_t inode(const char* name) {
    struct stat status {};
    check("stat", name, [&] { return stat(name, &status); });
    return status.st_ino;
}

void print_tree(const char* title) {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{"."})
        if (entry.is_regular_file()) names.insert(entry.path().lexically_relative(".").string());
    print_line("{}:", title);
    for (const auto& name : names) print_line("    {}", name);
}

} // namespace

int main() {
    const temporary_folder folder;
    fs::create_directories("project/src");
    std::ofstream{"project/notes.txt"} << "one\n";
    std::ofstream{"project/src/main.py"} << "print(1)\n";
    print_tree("At first");

    fs::copy_file("project/notes.txt", "copy.txt");
    print_line("copy.txt is the same file as project/notes.txt: {}",
               inode("copy.txt") == inode("project/notes.txt"));

    const auto before = inode("copy.txt");
    fs::rename("copy.txt", "project/moved.txt");
    print_line("project/moved.txt is the same file as copy.txt was: {}", before == inode("project/moved.txt"));

    fs::copy("project", "backup", fs::copy_options::recursive);
    print_tree("After a copy of the tree");

    // rename(2) works only within a file system. To move to another one, copy the tree, then remove it.
    fs::rename("backup", "archive");
    fs::remove_all("project");
    print_tree("After the tree was moved, and the project removed");
}
