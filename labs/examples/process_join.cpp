// A function in a child process, which is started and waited for.
//
//   Python       multiprocessing.Process, its start, join, is_alive, terminate and exitcode
//   look at      join with a time limit, and at the two ways to end: with an exit code, or by a signal
//   afterwards   five_processes; lab 3; common/multiprocessing/process.cpp: fork(2), pidfd_open(2), wait4(2)
#include "common/multiprocessing/process.hpp"
#include "labs/examples/print_line.hpp"

#include <string>
#include <unistd.h>

using namespace parley;
using namespace std::chrono_literals;

namespace {

void run_process(const std::string& name) { print_line("Run child process {} ({})...", name, getpid()); }

} // namespace

int main() {
    print_line("Parent process {}.", getpid());

    process child{"test", [] { run_process("test"); }};
    print_line("Process will start.");
    child.start();
    child.join();
    print_line("Process end: {}.", child.end()->to_string());

    process sleeper{"sleeper", [] { pause(); }}; // until a signal comes
    sleeper.start();
    print_line("The sleeper has ended within 50 ms: {}", sleeper.join(50ms));
    print_line("The sleeper is running: {}", sleeper.is_running());
    sleeper.terminate();
    sleeper.join();
    print_line("The sleeper is running: {}", sleeper.is_running());
    print_line("The sleeper has ended: {}.", sleeper.end()->to_string());
}
