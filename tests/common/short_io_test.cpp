// Tests of both drivers with short and interrupted calls: whatever the kernel does with a stream, the output
// stays correct. Random, and reproducible by the seed.
#include "common/check.hpp"
#include "common/session/blocking_driver.hpp"
#include "common/session/nonblocking_driver.hpp"
#include "tests/support/example_sessions.hpp"

#include <array>
#include <cerrno>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <random>
#include <sys/socket.h>

namespace parley {

namespace {

/// Faults in the calls of one side: none transfers more than `most` bytes, and every third is interrupted.
struct call_faults {
    std::mt19937& random;
    std::size_t most;
    unsigned calls = 0;

    /// Returns how many bytes the call may transfer; 0: the call is interrupted.
    std::size_t allowed_size(std::size_t size) {
        if (++calls % 3 == 0) return 0;
        return std::min(size, 1 + random() % most);
    }
};

call_faults* under_test = nullptr; // null: calls of the test itself, which do not fail

template <class Function, class... Arguments>
ssize_t carry(const char* name, int socket, Function bytes, std::size_t size, int flags) {
    using system_call = ssize_t(int, Function, std::size_t, int);
    static auto* const call = reinterpret_cast<system_call*>(dlsym(RTLD_NEXT, name));
    if (!under_test) return call(socket, bytes, size, flags);
    const auto allowed = under_test->allowed_size(size);
    errno = EINTR;
    return allowed == 0 ? -1 : call(socket, bytes, allowed, flags);
}

} // namespace

} // namespace parley

// These replace the functions of libc.
extern "C" ssize_t recv(int socket, void* buffer, std::size_t size, int flags) {
    return parley::carry("recv", socket, buffer, size, flags);
}
extern "C" ssize_t send(int socket, const void* bytes, std::size_t size, int flags) {
    return parley::carry("send", socket, bytes, size, flags);
}

namespace parley {

namespace {

session echo() {
    while (const auto bytes = co_await read_some()) co_await reply(*bytes);
}

session quote_lines() {
    while (const auto line = co_await read_line()) {
        const auto text = fmt::format("<{}>", *line);
        co_await reply(text);
    }
}

std::string quoted_lines(std::string_view text) {
    std::string quoted;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        quoted += fmt::format("<{}>", line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return quoted;
}

/// Returns a few random bytes, some of them line ends: few enough that all replies fit into a socket buffer
/// even if sent byte by byte.
std::string any_text(std::mt19937& random) {
    std::string text(random() % 60, '\0');
    for (auto& byte : text) byte = random() % 8 == 0 ? "\r\n"[random() % 2] : static_cast<char>(random());
    return text;
}

std::string read_all(connection& connection) {
    std::string text;
    for (read_buffer buffer;;) {
        const auto bytes = connection.read_some(buffer);
        if (!bytes || bytes->empty()) return text;
        text += *bytes;
    }
}

/// Returns what a session replies to `text` over a socket whose calls are short and interrupted.
template <class Drive>
std::string answer_to(std::string_view text, std::mt19937& random, int flags, Drive drive) {
    std::array<int, 2> ends{};
    check("socketpair",
          [&] { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, ends.data()); });
    connection local{unique_fd{ends[0]}}, remote{unique_fd{ends[1]}};
    if (remote.write_some(text) != text.size()) return "the test's own write was short";
    remote.shutdown_write();
    call_faults calls{random, 1 + random() % 30};
    under_test = &calls;
    drive(std::move(local));
    under_test = nullptr;
    return read_all(remote);
}

template <class Drive>
void check_ten_thousand(int flags, Drive drive) {
    const auto seed = std::random_device{}();
    INFO("seed ", seed);
    std::mt19937 random{seed};
    for (int number = 0; number != 10'000; ++number) {
        const auto text = any_text(random);
        const bool lines = number % 2 == 0;
        const auto answer = answer_to(text, random, flags, [&](connection connection) {
            drive(lines ? quote_lines() : echo(), std::move(connection));
        });
        const bool right = answer == (lines ? quoted_lines(text) : text);
        INFO("case ", number);
        REQUIRE(right);
    }
}

} // namespace

TEST_CASE("calls that wait: however short and often interrupted they are, what goes out is what came in") {
    scoreboard board{1};
    worker self{board, 1};
    check_ten_thousand(0, [&](session session, connection connection) {
        drive_blocking(session, connection, self, std::chrono::milliseconds{0});
    });
}

TEST_CASE(
    "calls that do not wait: however short and often interrupted they are, what goes out is what came in") {
    std::unique_ptr<read_buffer> buffer;
    slot stats{};
    check_ten_thousand(SOCK_NONBLOCK, [&](session session, connection connection) {
        nonblocking_driver driver{std::move(session), std::move(connection)};
        while (driver.resume(buffer, stats) != nonblocking_driver::wants::done) {
        }
    });
}

} // namespace parley
