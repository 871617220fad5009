// parley-client: a TCP client like nc(1) that knows the services, and can check a reply.
#include "client/conversation/connect.hpp"
#include "client/talk/relay.hpp"
#include "common/command_line.hpp"
#include "common/duration.hpp"
#include "common/output.hpp"

#include <fmt/format.h>

namespace parley {

namespace {

constexpr const char* examples =
    R"(  parley-client                                            prints the greeting of the local server
  parley-client --service echo localhost:9999              sends what you type
  seq 3 | parley-client --service counter --time           sends three lines, shows the round-trip time
  parley-client --service hello --say Ada                  sends one request, checks the reply)";

struct client_options {
    std::string address = "127.0.0.1:9999";
    std::string service = "welcome";
    request_options requests;
    bool time = false;
    std::chrono::milliseconds timeout{10'000};
};

void print_time(std::chrono::nanoseconds round_trip) {
    print_message("round trip {:.3f} ms\n", in_ms(round_trip));
}

/// Sends one request, prints the reply and checks it.
void check_reply(const client_options& options) {
    const auto& protocol = protocol_for(options.service);
    const auto plan = plan_requests(protocol, options.requests);
    std::string received;
    const auto print_received = [&] {
        print_result("{}{}", received, received.empty() || received.ends_with('\n') ? "" : "\n");
        flush_results(); // before a message on standard error
    };
    try {
        const auto time =
            send_request(protocol, plan, connect_to(address::resolve(options.address), options.timeout),
                         options.timeout, received);
        print_received();
        if (options.time) print_time(time);
    } catch (...) {
        print_received();
        throw;
    }
}

/// Relays standard input and output until the server closes the connection.
void relay_lines(const client_options& options) {
    const auto& protocol = protocol_for(options.service);
    relay_options relaying;
    relaying.timeout = options.timeout;
    if (!protocol.sends) relaying.input = -1;
    if (options.time) relaying.on_reply = print_time;
    relay(connect_to(address::resolve(options.address), options.timeout), relaying);
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    using namespace parley;
    client_options options;

    CLI::App app{"Connects to a TCP server, sends standard input and prints the replies.", "parley-client"};
    describe(app, examples);
    app.add_option("address", options.address, "HOST:PORT of the server, or unix:PATH")->capture_default_str();
    const char* const connection = "Connection";
    app.add_option("--service", options.service,
                   "service of the server: welcome, echo, counter, hello, pi or wait")
        ->capture_default_str()
        ->group(connection);
    add_duration(app, "--timeout", options.timeout, "time limit to connect, and for each reply")
        ->group(connection);
    const char* const requests = "Requests and replies";
    app.add_option("--say", options.requests.say,
                   "send this line instead of standard input, and check the reply")
        ->group(requests);
    app.add_option("--greeting", options.requests.greeting,
                   "greeting to expect from service welcome with --say")
        ->capture_default_str()
        ->group(requests);
    app.add_flag("--time", options.time, "print each round-trip time to standard error")->group(requests);

    return run_program(app, count, words, [&] {
        if (options.requests.say)
            check_reply(options);
        else
            relay_lines(options);
        return 0;
    });
}
