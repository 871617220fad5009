// Input to a program, and its output back, through two pipes.
//
//   Python       p = Popen(["cat"], stdin=PIPE, stdout=PIPE); output, errors = p.communicate(input)
//   look at      a million bytes come back too; a pipe holds 64 KiB, so to write all and then read would block
//   afterwards   lab 8; common/process/subprocess.hpp: poll(2) on both pipes
#include "common/process/subprocess.hpp"
#include "labs/examples/print_line.hpp"

#include <fmt/core.h>
#include <string>

using namespace parley;

namespace {

const standard_streams two_pipes{redirection::pipe(), redirection::pipe(), redirection::parent()};

} // namespace

int main() {
    print_line("$ cat");
    subprocess cat{{"cat"}, two_pipes};
    fmt::print("{}", cat.communicate("one\ntwo\nthree\n")->output);
    print_line("Exit code: {}", cat.wait()->exit_code().value());

    print_line("$ sort");
    subprocess sort{{"sort"}, two_pipes};
    fmt::print("{}", sort.communicate("one\ntwo\nthree\n")->output);
    print_line("Exit code: {}", sort.wait()->exit_code().value());

    const std::string much(1'000'000, 'x');
    subprocess again{{"cat"}, two_pipes};
    print_line("cat: a million bytes, and the same come back: {}", again.communicate(much)->output == much);
}
