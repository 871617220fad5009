// A program as a child process, which is run to its end, with its exit code.
//
//   Python       subprocess.call(["ls", "-l"]), subprocess.check_call
//   look at      ls prints to the standard output of this process; a failure is a code, or an exception
//   afterwards   shell_line, wait_or_not; lab 8; common/process/commands.hpp: fork(2), execvp(3), wait4(2)
#include "common/process/commands.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <fstream>

using namespace parley;

int main() {
    const temporary_folder folder;
    std::ofstream{"notes.txt"} << "hello\n";

    print_line("$ ls -l");
    print_line("Exit code: {}", call({"ls", "-l"}).exit_code().value());

    print_line("$ ls -l missing.txt");
    print_line("Exit code: {}", call({"ls", "-l", "missing.txt"}).exit_code().value());

    print_line("$ ls -l missing.txt, checked");
    try {
        check_call({"ls", "-l", "missing.txt"});
    } catch (const called_process_error& error) {
        print_line("An exception: {}", error.what());
    }

    print_line("$ no-such-program");
    try {
        call({"no-such-program"});
    } catch (const std::system_error& error) { // it never ran, so it has no exit code
        print_line("An exception: {}", error.what());
    }
}
