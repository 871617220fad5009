// parley-client as a user runs it: what goes in and comes out, and one clear line for each way to fail.
#include "common/process/subprocess.hpp"
#include "tests/support/scripted_server.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

namespace parley {

using namespace std::chrono_literals;

namespace {

struct ended {
    int code;
    std::string output;
    std::string errors;
    bool operator==(const ended&) const = default;
};

std::ostream& operator<<(std::ostream& out, const ended& what) {
    return out << "code " << what.code << ", output '" << what.output << "', errors '" << what.errors << "'";
}

ended run_words(std::vector<std::string> words, int input = -1) {
    subprocess program{std::move(words), subprocess::errors::kept, input};
    const auto end = program.wait(60s);
    return {end ? end->exit_code().value_or(-1) : -1, program.rest_of_output(), program.error_output()};
}

ended parley_client(std::vector<std::string> words, int input = -1) {
    words.insert(words.begin(), PARLEY_CLIENT);
    return run_words(std::move(words), input);
}

ended parley_client(const scripted_server& server, std::vector<std::string> words, int input = -1) {
    words.push_back(server.where().to_string());
    return parley_client(std::move(words), input);
}

/// A file to read from.
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
    const scripted_server server{[](connection& connection, int) { say(connection, "welcome to here\n"); }};
    CHECK(parley_client(server, {}) == ended{0, "welcome to here\n", ""});
    CHECK(parley_client(server, {}, file_with("not read\n").get()) == ended{0, "welcome to here\n", ""});
    CHECK(run_words({"sh", "-c", fmt::format("exec {} {} <&-", PARLEY_CLIENT, server.where().to_string())}) ==
          ended{0, "welcome to here\n", ""});
}

TEST_CASE("all of the input is sent and all replies are printed, at once and of any size") {
    const auto server = echo_server();
    std::string text(3'000'000, '\0');
    for (std::size_t each = 0; each < text.size(); ++each) text[each] = static_cast<char>(each * each >> 7);
    const auto heard = parley_client(server, {"--service", "echo"}, file_with(text).get());
    CHECK(heard.code == 0);
    CHECK(heard.output == text);
    CHECK(heard.errors.empty());
}

TEST_CASE("the end of the input ends our direction only") {
    const scripted_server server{[](connection& connection, int) {
        hear_out(connection);
        say(connection, "heard all\n");
    }};
    CHECK(parley_client(server, {"--service", "echo"}, file_with("some\n").get()) ==
          ended{0, "heard all\n", ""});
    CHECK(run_words({"sh", "-c",
                     fmt::format("exec {} --service echo {} <&-", PARLEY_CLIENT,
                                 server.where().to_string())}) == ended{0, "heard all\n", ""});
}

TEST_CASE("the server's end is the end, though there may be more input") {
    const scripted_server server{[](connection& connection, int) { say(connection, "enough\n"); }};
    std::array<int, 2> pipe_ends{};
    check("pipe2", [&] { return pipe2(pipe_ends.data(), O_CLOEXEC); });
    const unique_fd from{pipe_ends[0]};
    const unique_fd into{pipe_ends[1]};
    CHECK(parley_client(server, {"--service", "echo"}, from.get()) == ended{0, "enough\n", ""});
}

TEST_CASE("--time tells the round trip on standard error") {
    const auto server = echo_server();
    for (const auto& words : {std::vector<std::string>{"--service", "echo", "--time"},
                              std::vector<std::string>{"--service", "echo", "--time", "--say", "hi"}}) {
        const auto heard = parley_client(server, words, file_with("hi\n").get());
        CHECK(heard.code == 0);
        CHECK(heard.output == "hi\n");
        CHECK(heard.errors.starts_with("round trip "));
        CHECK(heard.errors.ends_with(" ms\n"));
    }
}

TEST_CASE("--say prints the reply, and says by its status whether it was right") {
    const auto right = echo_server();
    CHECK(parley_client(right, {"--service", "echo", "--say", "Ada"}) == ended{0, "Ada\n", ""});
    CHECK(parley_client(right, {"--service", "echo", "--say", ""}) == ended{0, "\n", ""});

    const scripted_server wrong{[](connection& connection, int) {
        echo(connection, [](std::string& piece) { piece = "error: \x1b[31mno\n"; });
    }};
    CHECK(parley_client(wrong, {"--service", "echo", "--say", "Ada"}) ==
          ended{1, "error: \x1b[31mno\n",
                "parley-client: wrong answer at byte 0: expected 'Ada\\n', got 'error: \\x1b[31mno\\n' "
                "(request 1 of "
                "connection 1)\n"});
    CHECK(parley_client(right, {"--service", "counter", "--say", "x"}) ==
          ended{1, "x\n",
                "parley-client: wrong answer at byte 0: expected a number from 1, got 'x\\n' (request 1 of "
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
        gone = server.where().to_string();
    }
    CHECK(parley_client({gone}) == ended{1, "", "parley-client: connect " + gone + ": Connection refused\n"});

    const scripted_server silent{[](connection& connection, int) { hear_out(connection); }};
    const auto input = file_with("hi\n");
    CHECK(parley_client(silent, {"--service", "echo", "--timeout", "50ms", "--say", "x"}) ==
          ended{1, "", "parley-client: no answer within 50 ms\n"});

    const scripted_server resets{[](connection& connection, int) {
        read_buffer area;
        std::ignore = connection.read_some(area);
        end_with_reset(connection);
    }};
    CHECK(parley_client(resets, {"--service", "echo"}, input.get()) ==
          ended{1, "", "parley-client: recv: Connection reset by peer\n"});

    const scripted_server closes{[](connection& connection, int) {
        read_buffer area;
        std::ignore = connection.read_some(area);
    }};
    CHECK(parley_client(closes, {"--service", "echo", "--say", "x"}) ==
          ended{1, "",
                "parley-client: the server closed the connection after 0 bytes of the answer: expected 'x\\n' "
                "(request "
                "1 of connection 1)\n"});
}

TEST_CASE("a reply that does not come is waited for no longer than --timeout") {
    const unique_fd over{eventfd(0, EFD_SEMAPHORE)};
    const scripted_server silent{[&](connection&, int) {
        eventfd_t told = 0;
        eventfd_read(over.get(), &told);
    }};
    CHECK(parley_client(silent, {"--service", "echo", "--timeout", "50ms"}, file_with("hi\n").get()) ==
          ended{1, "", "parley-client: no reply within 50 ms\n"});
    CHECK(parley_client(silent, {"--timeout", "50ms"}) ==
          ended{1, "", "parley-client: no reply within 50 ms\n"});
    eventfd_write(over.get(), 2);
}

TEST_CASE("a call that makes no sense is status 2") {
    CHECK(parley_client({"--service", "smtp"}) == ended{2, "",
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
