// A line for the shell, compared with a program and its arguments.
//
//   Python       subprocess.call("ls *.txt | wc -l", shell=True), and the same without shell=True
//   look at      only the shell knows *, $, | and ;, so text of a user must never become part of its line
//   afterwards   ls_wc, a pipe without a shell; lab 8; common/process/commands.hpp
#include "common/process/commands.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <fstream>
#include <string>

using namespace parley;

int main() {
    const temporary_folder folder;
    for (const auto* name : {"a.txt", "b.txt", "c.cpp"}) std::ofstream{name} << "hello\n";

    print_line("With a shell:");
    call(shell("echo *.txt $((6 * 7))"));
    call(shell("ls *.txt | wc -l"));
    print_line("Exit code: {}", call(shell("exit 3")).exit_code().value());

    print_line("Without a shell:");
    call({"echo", "*.txt", "$((6 * 7))"});

    print_line("A name that a user has typed, with a shell:");
    const std::string name = "a.txt; echo This could be any command.";
    call(shell("ls " + name));
    print_line("The same name, without a shell:");
    call({"ls", name}, {redirection::null(), redirection::parent(), redirection::to_output()});
}
