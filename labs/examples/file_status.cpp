// The status of a file (stat(2)), with its kind, size, owner and time, and its mode, which chmod(2) changes.
//
//   Python       os.stat, os.path.getsize, os.path.getmtime, os.chmod, os.access
//   look at      the mode in octal: three bits (read, write, execute) for owner, group and others
//   afterwards   lab 1; common/replace_file.cpp, which keeps the mode of the file that it replaces
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <ctime>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace parley;

namespace {

struct stat status_of(const char* name) {
    struct stat status {};
    check("stat", name, [&] { return stat(name, &status); });
    return status;
}

void print_mode(const char* name) {
    print_line("{} has the mode {:03o}; execute it: {}", name, status_of(name).st_mode & 0777U,
               access(name, X_OK) == 0 ? "allowed" : "not allowed");
}

} // namespace

int main() {
    const temporary_folder folder;
    umask(022); // new files: nothing but reading for group and others
    std::ofstream{"tool.sh"} << "#!/bin/sh\necho hello\n";

    const auto status = status_of("tool.sh");
    print_line("tool.sh is a regular file: {}", S_ISREG(status.st_mode));
    print_line("tool.sh is a folder: {}", S_ISDIR(status.st_mode));
    print_line("size: {} bytes", status.st_size);
    print_line("it belongs to me: {}", status.st_uid == geteuid());
    char time[] = "YYYY-MM-DD hh:mm:ss";
    tm broken_down{};
    std::strftime(time, sizeof time, "%F %T", localtime_r(&status.st_mtime, &broken_down));
    print_line("last change: {}", time);

    std::ofstream{"tool.sh", std::ios::app} << "exit 0\n";
    print_line("size after 7 bytes more: {} bytes", status_of("tool.sh").st_size);

    print_mode("tool.sh");
    check("chmod", "tool.sh", [] { return chmod("tool.sh", 0755); });
    print_mode("tool.sh");
    check("chmod", "tool.sh", [] { return chmod("tool.sh", 0400); });
    print_mode("tool.sh");
}
