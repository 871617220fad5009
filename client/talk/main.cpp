// parley-client: like nc, but it knows the services.
#include "client/conversation/connect.hpp"
#include "client/talk/relay.hpp"
#include "common/command_line.hpp"
#include "common/duration.hpp"
#include "common/output.hpp"

#include <fmt/format.h>

namespace parley {

namespace {

constexpr const char* examples =
    R"(  parley-client                                            reads the greeting of a server on this machine
  parley-client --service echo localhost:9999              sends what you type
  seq 3 | parley-client --service counter --time           sends three lines, shows the round-trip time
  parley-client --service hello --say Ada                  sends one request, checks the answer)";

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

void say(const client_options& options) {
    const auto& with = protocol_for(options.service);
    const auto plan = plan_requests(with, options.requests);
    std::string received;
    const auto print_heard = [&] {
        print_result("{}{}", received, received.empty() || received.ends_with('\n') ? "" : "\n");
        flush_results(); // before a message on standard error
    };
    try {
        const auto time = ask_once(with, plan, connect_to(address::resolve(options.address), options.timeout),
                                   options.timeout, received);
        print_heard();
        if (options.time) print_time(time);
    } catch (...) {
        print_heard();
        throw;
    }
}

void relay_lines(const client_options& options) {
    const auto& with = protocol_for(options.service);
    relay_options talking;
    talking.timeout = options.timeout;
    if (!with.sends) talking.input = -1;
    if (options.time) talking.on_reply = print_time;
    relay(connect_to(address::resolve(options.address), options.timeout), talking);
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    using namespace parley;
    client_options options;

    CLI::App app{"Talks to a TCP server: sends standard input, prints the replies.", "parley-client"};
    describe(app, examples);
    app.add_option("address", options.address, "HOST:PORT of the server, or unix:PATH")->capture_default_str();
    app.add_option("--service", options.service, "what it offers: welcome, echo, counter, hello, pi or wait")
        ->capture_default_str();
    app.add_option("--say", options.requests.say, "sends this one line instead, and checks the answer");
    app.add_option("--greeting", options.requests.greeting, "that --say expects of welcome")
        ->capture_default_str();
    app.add_flag("--time", options.time, "shows each round-trip time on standard error");
    add_duration(app, "--timeout", options.timeout, "to connect, and for each reply");

    return run_program(app, count, words, [&] {
        if (options.requests.say)
            say(options);
        else
            relay_lines(options);
        return 0;
    });
}
