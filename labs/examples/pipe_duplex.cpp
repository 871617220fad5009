// A duplex pipe between two processes, each of which sends and receives.
//
//   Python       multiprocessing.Pipe(), its send and recv; EOFError at the end
//   look at      the two close() calls: each process closes the end that it does not use, or input never ends
//   afterwards   pipe_one_way; lab 5; common/multiprocessing/pipe.hpp; server/models/prefork.cpp
#include "common/multiprocessing/pipe.hpp"
#include "common/multiprocessing/process.hpp"
#include "labs/examples/print_line.hpp"

#include <string>

using namespace parley;

int main() {
    duplex_pipe<std::string, int> pipe; // the first end sends texts, the second one numbers

    process child{"child", [&] {
                      pipe.first.close();
                      while (const auto text = pipe.second.receive()) {
                          print_line("Child: received '{}', and I send its length.", *text);
                          if (!pipe.second.send(static_cast<int>(text->size()))) return;
                      }
                      print_line("Child: the end of input.");
                  }};
    child.start();
    pipe.second.close();

    for (const auto* text : {"hello", "how are you", ""}) {
        print_line("Parent: I send '{}'.", text);
        if (!pipe.first.send(text)) break;
        if (const auto length = pipe.first.receive()) print_line("Parent: received {}.", *length);
    }
    pipe.first.shutdown_write();
    print_line("Parent: I have sent all. More input from the child: {}", pipe.first.receive().has_value());
    child.join();
    print_line("Parent: the child has ended with {}.", child.end()->to_string());
}
