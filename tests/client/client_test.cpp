// Tests of the program parley-client: its input and output, and one clear line for each kind of failure.
#include "common/process/subprocess.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/scripted_server.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

namespace parley {

using namespace std::chrono_literals;

namespace {

program_result parley_client(std::vector<std::string> arguments, int input = -1) {
    arguments.insert(arguments.begin(), PARLEY_CLIENT);
    return run_program(std::move(arguments), 60s, input);
}

program_result parley_client(const scripted_server& server, std::vector<std::string> arguments,
                             int input = -1) {
    arguments.push_back(server.endpoint().to_string());
    return parley_client(std::move(arguments), input);
}

/// Returns a file with that content, positioned at its start.
unique_fd file_with(std::string_view text) {
    unique_fd file{check("memfd_create", [] { return memfd_create("input", MFD_CLOEXEC); })};
    while (!text.empty())
        text.remove_prefix(static_cast<std::size_t>(
            check("write", [&] { return write(file.get(), text.data(), text.size()); })));
    check("lseek", [&] { return lseek(file.get(), 0, SEEK_SET); });
    return file;
}

scripted_server echo_server() {
    return scripted_server{[](connection& connection, int) { echo(connection); }};
}

} // namespace

TEST_CASE("without a word more, parley-client reads the greeting, and needs no input for that") {
    const scripted_server server{
        [](connection& connection, int) { write_all(connection, "welcome to here\n"); }};
    CHECK(parley_client(server, {}) == program_result{0, "welcome to here\n", ""});
    CHECK(parley_client(server, {}, file_with("not read\n").get()) ==
          program_result{0, "welcome to here\n", ""});
    CHECK(run_program(
              {"sh", "-c", fmt::format("exec {} {} <&-", PARLEY_CLIENT, server.endpoint().to_string())}) ==
          program_result{0, "welcome to here\n", ""});
}

TEST_CASE("all of the input is sent and all replies are printed, at once and of any size") {
    const auto server = echo_server();
    std::string text(3'000'000, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i >> 7);
    const auto result = parley_client(server, {"--service", "echo"}, file_with(text).get());
    CHECK(result.code == 0);
    CHECK(result.output == text);
    CHECK(result.errors.empty());
}

TEST_CASE("the end of the input ends our direction only") {
    const scripted_server server{[](connection& connection, int) {
        read_until_eof(connection);
        write_all(connection, "heard all\n");
    }};
    CHECK(parley_client(server, {"--service", "echo"}, file_with("some\n").get()) ==
          program_result{0, "heard all\n", ""});
    CHECK(run_program({"sh", "-c",
                       fmt::format("exec {} --service echo {} <&-", PARLEY_CLIENT,
                                   server.endpoint().to_string())}) == program_result{0, "heard all\n", ""});
}

TEST_CASE("the server's end is the end, though there may be more input") {
    const scripted_server server{[](connection& connection, int) { write_all(connection, "enough\n"); }};
    std::array<int, 2> pipe_ends{};
    check("pipe2", [&] { return pipe2(pipe_ends.data(), O_CLOEXEC); });
    const unique_fd read_end{pipe_ends[0]};
    const unique_fd write_end{pipe_ends[1]};
    CHECK(parley_client(server, {"--service", "echo"}, read_end.get()) == program_result{0, "enough\n", ""});
}

TEST_CASE("--time tells the round trip on standard error") {
    const auto server = echo_server();
    for (const auto& arguments : {std::vector<std::string>{"--service", "echo", "--time"},
                                  std::vector<std::string>{"--service", "echo", "--time", "--say", "hi"}}) {
        const auto result = parley_client(server, arguments, file_with("hi\n").get());
        CHECK(result.code == 0);
        CHECK(result.output == "hi\n");
        CHECK(result.errors.starts_with("round trip "));
        CHECK(result.errors.ends_with(" ms\n"));
    }
}

TEST_CASE("--say prints the reply, and says by its status whether it was right") {
    const auto right = echo_server();
    CHECK(parley_client(right, {"--service", "echo", "--say", "Ada"}) == program_result{0, "Ada\n", ""});
    CHECK(parley_client(right, {"--service", "echo", "--say", ""}) == program_result{0, "\n", ""});

    const scripted_server wrong{[](connection& connection, int) {
        echo(connection, [](std::string& chunk) { chunk = "error: \x1b[31mno\n"; });
    }};
    CHECK(parley_client(wrong, {"--service", "echo", "--say", "Ada"}) ==
          program_result{1, "error: \x1b[31mno\n",
                         "parley-client: wrong reply at byte 0: expected 'Ada\\n', got 'error: \\x1b[31mno\\n' "
                         "(request 1 of "
                         "connection 1)\n"});
    CHECK(parley_client(right, {"--service", "counter", "--say", "x"}) ==
          program_result{
              1, "x\n",
              "parley-client: wrong reply at byte 0: expected a number from 1, got 'x\\n' (request 1 of "
              "connection "
              "1)\n"});
}

TEST_CASE("each way to fail has one line of its own, and status 1") {
    CHECK(parley_client({"--service", "echo", "--say", "x", "no.such.host.invalid:9"}).code == 1);
    CHECK(parley_client({"no.such.host.invalid:9"})
              .errors.starts_with("parley-client: no such host 'no.such.host.invalid': "));

    std::string gone;
    {
        const auto server = echo_server();
        gone = server.endpoint().to_string();
    }
    CHECK(parley_client({gone}) ==
          program_result{1, "", "parley-client: connect " + gone + ": Connection refused\n"});

    const scripted_server silent{[](connection& connection, int) { read_until_eof(connection); }};
    const auto input = file_with("hi\n");
    CHECK(parley_client(silent, {"--service", "echo", "--timeout", "50ms", "--say", "x"}) ==
          program_result{1, "", "parley-client: no reply within 50 ms\n"});

    const scripted_server resets{[](connection& connection, int) {
        read_buffer buffer;
        std::ignore = connection.read_some(buffer);
        reset_on_close(connection);
    }};
    CHECK(parley_client(resets, {"--service", "echo"}, input.get()) ==
          program_result{1, "", "parley-client: recv: Connection reset by peer\n"});

    const scripted_server closes{[](connection& connection, int) {
        read_buffer buffer;
        std::ignore = connection.read_some(buffer);
    }};
    CHECK(parley_client(closes, {"--service", "echo", "--say", "x"}) ==
          program_result{
              1, "",
              "parley-client: the server closed the connection after 0 bytes of the reply: expected 'x\\n' "
              "(request "
              "1 of connection 1)\n"});
}

TEST_CASE("a reply that does not come is waited for no longer than --timeout") {
    const unique_fd test_over{eventfd(0, EFD_SEMAPHORE)};
    const scripted_server silent{[&](connection&, int) {
        eventfd_t value = 0;
        eventfd_read(test_over.get(), &value);
    }};
    CHECK(parley_client(silent, {"--service", "echo", "--timeout", "50ms"}, file_with("hi\n").get()) ==
          program_result{1, "", "parley-client: no reply within 50 ms\n"});
    CHECK(parley_client(silent, {"--timeout", "50ms"}) ==
          program_result{1, "", "parley-client: no reply within 50 ms\n"});
    eventfd_write(test_over.get(), 2);
}

TEST_CASE("a call that makes no sense is status 2") {
    CHECK(parley_client({"--service", "smtp"}) ==
          program_result{2, "",
                         "parley-client: unknown service 'smtp': choose one of "
                         "welcome, echo, counter, hello, pi, wait, raw\n"});
    CHECK(parley_client({"--service", "pi", "--say", "x", "127.0.0.1:9"}).code == 2);
    CHECK(parley_client({"9999"}).code == 2);
    CHECK(parley_client({"127.0.0.1:99999"}).code == 2);
    CHECK(parley_client({"--timeout", "5"}).code == 2);
    CHECK(parley_client({"--verbose"}).code == 2);
    CHECK(parley_client({"--help"}).code == 0);
    CHECK(parley_client({"--version"}).output.starts_with("parley-client "));
}

} // namespace parley
