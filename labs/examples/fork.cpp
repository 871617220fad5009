// A child process (fork(2)), which continues at the same place as its parent, with a copy of its memory.
//
//   Python       os.fork, os.getpid, os.getppid, os.waitpid
//   look at      the result of fork: one call returns twice, 0 in the child and its pid in the parent
//   afterwards   process_join; lab 3; server/models/fork_per_connection.cpp
#include "common/check.hpp"
#include "labs/examples/print_line.hpp"

#include <sys/wait.h>
#include <unistd.h>

using namespace parley;

int main() {
    print_line("Process ({}) start...", getpid());
    int number = 1;

    const auto pid = check("fork", [] { return fork(); });
    if (pid == 0) {
        print_line("I am child process {} and my parent is {}.", getpid(), getppid());
        number += 1;
        print_line("The child has changed its copy of number to {}.", number);
        _exit(7); // not exit(3), which would also run what the parent has registered with atexit(3)
    }

    print_line("I ({}) just created a child process ({}).", getpid(), pid);
    // Until its parent has waited for it, a child that has ended is a zombie.
    int status = 0;
    check("waitpid", [&] { return waitpid(pid, &status, 0); });
    print_line("Child {} has ended with exit code {}.", pid, WEXITSTATUS(status));
    print_line("The number of the parent is still {}.", number);
}
