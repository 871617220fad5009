// Two programs, connected by a pipe: ls | wc -l.
//
//   Python       p1 = Popen(["ls"], stdout=PIPE); p2 = Popen(["wc", "-l"], stdin=p1.stdout, stdout=PIPE)
//   look at      three ways with the same result; in the first, this process must close its copy of the pipe
//   afterwards   lab 8; common/process/commands.hpp: pipe(2), dup2(2)
#include "common/process/commands.hpp"
#include "common/process/subprocess.hpp"
#include "labs/examples/print_line.hpp"
#include "labs/examples/temporary_folder.hpp"

#include <fmt/core.h>
#include <fstream>
#include <string>

using namespace parley;

namespace {

std::string connect_by_hand() {
    subprocess ls{{"ls"}, {redirection::null(), redirection::pipe(), redirection::parent()}};
    auto pipe = ls.take_output();
    subprocess wc{{"wc", "-l"},
                  {redirection::descriptor(pipe.get()), redirection::pipe(), redirection::parent()}};
    pipe.reset(); // only wc reads it: should wc end early, ls gets SIGPIPE and does not wait for ever
    auto output = wc.communicate()->output;
    print_line("ls: {}; wc: {}", ls.wait()->to_string(), wc.wait()->to_string());
    return output;
}

} // namespace

int main() {
    const temporary_folder folder;
    for (const auto* name : {"a.txt", "b.txt", "c.txt"}) std::ofstream{name} << "hello\n";

    fmt::print("By hand:      {}", connect_by_hand());
    fmt::print("run_pipeline: {}", run_pipeline({{"ls"}, {"wc", "-l"}}).output);
    fmt::print("By a shell:   {}", check_output(shell("ls | wc -l")));
}
