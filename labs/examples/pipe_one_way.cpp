// A one-way pipe between two processes, with the end of input, a time limit, and a reader that is gone.
//
//   Python       multiprocessing.Pipe(duplex=False), recv, poll(timeout), EOFError, BrokenPipeError
//   look at      the last line: a send without a reader returns false, and SIGPIPE does not kill the sender
//   afterwards   lab 5; common/multiprocessing/pipe.hpp; common/process/ready_report.hpp
#include "common/multiprocessing/pipe.hpp"
#include "common/multiprocessing/process.hpp"
#include "labs/examples/print_line.hpp"

#include <map>
#include <string>

using namespace parley;
using namespace std::chrono_literals;

namespace {

using scores = std::map<std::string, int>;

void receive_all(receiver<scores>& reader) {
    while (const auto message = reader.receive())
        for (const auto& [name, score] : *message) print_line("Child: {} has {} points.", name, score);
    print_line("Child: the end of input.");
}

} // namespace

int main() {
    one_way_pipe<scores> pipe;
    process child{"child", [&] {
                      pipe.writer.close(); // or this copy would hide the end of input
                      receive_all(pipe.reader);
                  }};
    child.start();
    pipe.reader.close();

    print_line("Parent: sent: {}", pipe.writer.send({{"Ada", 97}, {"Bob", 88}}));
    print_line("Parent: sent: {}", pipe.writer.send({{"Cleo", 91}}));
    pipe.writer.close();
    child.join();

    one_way_pipe<int> silent;
    print_line("Parent: nothing came within 50 ms: {}",
               silent.reader.receive(50ms).status == receive_status::timed_out);
    silent.reader.close();
    print_line("Parent: sent without a reader: {}", silent.writer.send(1));
}
