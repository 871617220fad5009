// Programs that run while this process goes on, and are waited for later, ended, or left to the destructor.
//
//   Python       subprocess.call waits; subprocess.Popen does not: its poll, wait, terminate and returncode
//   look at      main goes on while cat runs; each end is known only after poll or wait has seen it
//   afterwards   communicate; lab 8; common/process/subprocess.hpp
#include "common/process/commands.hpp"
#include "common/process/subprocess.hpp"
#include "labs/examples/print_line.hpp"

#include <chrono>

using namespace parley;
using namespace std::chrono_literals;

int main() {
    print_line("call waits:");
    const auto start = std::chrono::steady_clock::now();
    call({"sleep", "0.2"});
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    print_line("sleep 0.2 has ended, after {:.1f} seconds.", time.count());

    print_line("subprocess does not wait:");
    subprocess cat{{"cat"}, {redirection::pipe(), redirection::parent(), redirection::parent()}};
    print_line("cat is running: {}", !cat.poll());
    print_line("main goes on, and ends the input of cat.");
    cat.close_input();
    print_line("wait: {}", cat.wait()->to_string());

    print_line("A time limit, and a signal:");
    subprocess stubborn{{"sleep", "60"}, inherited_streams};
    print_line("sleep 60 is running after 50 ms: {}", !stubborn.wait(50ms));
    stubborn.terminate();
    print_line("terminate: {}", stubborn.wait()->to_string());

    const subprocess forgotten{{"sleep", "60"}, inherited_streams};
    print_line("The last sleep 60 ends with its object, at the end of main.");
}
