// Variables of the environment (environ(7)), which are read, with a default, set, inherited, and removed.
//
//   Python       os.environ, os.getenv, os.putenv, os.uname
//   look at      the child: it gets a copy of the environment, so what it sets does not change its parent
//   afterwards   lab 8; common/process/subprocess.cpp, which starts programs with an environment of their own
#include "common/check.hpp"
#include "labs/examples/print_line.hpp"

#include <cstdlib>
#include <string>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace parley;

namespace {

/// Returns the value of a variable, or `missing` if it is not set.
std::string variable(const char* name, const char* missing) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : missing;
}

} // namespace

int main() {
    utsname system{};
    check("uname", [&] { return uname(&system); });
    print_line("The system is {}.", system.sysname);

    int count = 0;
    for (char** entry = environ; *entry != nullptr; ++entry) ++count;
    print_line("This process has {} variables. One of them: PATH={}", count, variable("PATH", "(not set)"));

    print_line("GREETING is {}.", variable("GREETING", "(not set)"));
    check("setenv", "GREETING", [] { return setenv("GREETING", "hello", 1); });
    print_line("GREETING is {}.", variable("GREETING", "(not set)"));

    const auto child = check("fork", [] { return fork(); });
    if (child == 0) {
        print_line("Child: GREETING is {}. I set it to bye.", variable("GREETING", "(not set)"));
        setenv("GREETING", "bye", 1);
        _exit(0);
    }
    check("waitpid", [&] { return waitpid(child, nullptr, 0); });
    print_line("Parent: GREETING is still {}.", variable("GREETING", "(not set)"));

    check("unsetenv", "GREETING", [] { return unsetenv("GREETING"); });
    print_line("GREETING is {}.", variable("GREETING", "(not set)"));
}
