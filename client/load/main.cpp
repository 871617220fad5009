// parley-load: loads a TCP server, checks every byte of its replies, and reports rate, latency and errors.
#include "client/load/command_line.hpp"
#include "client/load/commands.hpp"
#include "common/command_line.hpp"

int main(int count, char** words) {
    using namespace parley;
    load_arguments arguments;
    CLI::App app{"Loads a TCP server and checks every byte of its replies. In a closed loop (default), each "
                 "connection waits for its reply before it sends the next request. In an open loop (--rate), "
                 "requests are sent when they are due.",
                 "parley-load"};
    add_options(app, arguments);
    arguments.options.command_line.assign(words, words + count);
    return run_program(app, count, words, [&] {
        apply_defaults(app, arguments);
        return run_command(arguments);
    });
}
