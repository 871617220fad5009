// The entries of a folder, all or only folders or only files, and all that is below it.
//
//   Python       os.listdir, os.path.isdir, os.path.isfile, os.walk
//   look at      the order: the system promises none, so the names are sorted before they are printed
//   afterwards   find_by_ending; lab 1; common/process/process_usage.cpp, which reads /proc
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <fstream>
#include <set>

namespace fs = std::filesystem;
using namespace parley;

namespace {

void print_sorted(const char* what, const std::set<std::string>& names) {
    print_line("{}:", what);
    for (const auto& name : names) print_line("    {}", name);
}

} // namespace

int main() {
    const temporary_folder folder;
    fs::create_directories("src/net");
    fs::create_directory("docs");
    for (const auto* name : {"main.py", "README", "src/tool.py", "src/net/socket.py"})
        std::ofstream{name} << "x\n";

    std::set<std::string> all, folders, files;
    for (const auto& entry : fs::directory_iterator{"."}) {
        const auto name = entry.path().filename().string();
        all.insert(name);
        if (entry.is_directory()) folders.insert(name);
        if (entry.is_regular_file()) files.insert(name);
    }
    print_sorted("All", all);
    print_sorted("Folders", folders);
    print_sorted("Files", files);

    std::set<std::string> tree;
    for (const auto& entry : fs::recursive_directory_iterator{"."})
        tree.insert(entry.path().lexically_relative(".").string());
    print_sorted("All, and all below", tree);
}
