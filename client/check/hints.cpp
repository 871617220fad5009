// The table of hints, in the order of the families.
#include "client/check/hints.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <stdexcept>

namespace parley {

namespace {

constexpr auto hint_table = std::to_array<hint>({
    // Causes of any check
    {"start", "The program does not start at the port that it is given.",
     "atoi(argv[1]) is missing, or htons(port): without it 9999 becomes 3879", "int(sys.argv[1]) is missing",
     "man 7 ip; lab 2"},
    {"sigpipe", "SIGPIPE ended the server: it sent to a connection that the client had closed.",
     "send(fd, data, size, MSG_NOSIGNAL), or signal(SIGPIPE, SIG_IGN); then treat EPIPE as the end of this "
     "client",
     "Python ignores SIGPIPE; catch BrokenPipeError for this client only", "man 2 send, EPIPE; lab 2"},
    {"crash", "A signal ended the server: it crashed, or it did not handle the signal.",
     "run it under gdb, or compile with -fsanitize=address,undefined",
     "a fault in a C extension; python3 -X dev", "man 7 signal"},
    {"server-ended", "The server ended because of one client.",
     "an error of read, write or accept reached exit(); it should end this client only",
     "an exception left the loop of the server; catch it per client", "man 2 accept, ERRORS; lab 12"},

    // Conversation
    {"wrong-reply", "The first reply is not that of the profile.",
     "compare with the profile: parley-check --list", "print() adds a newline; str and bytes differ",
     "the time line; nc HOST PORT shows the bytes"},
    {"one-client-only", "The server ends, or does not accept again, after its first client.",
     "accept() belongs in a loop", "server.serve_forever(), or a loop around accept()", "man 2 accept; lab 2"},
    {"one-request-only", "The server replies once per connection.",
     "recv() belongs in a loop, until it returns 0", "while data := conn.recv(4096): ...", "man 2 recv; lab 2"},
    {"split-request", "What one recv() returned was taken for a whole request. TCP has no messages.",
     "collect bytes until the newline, then reply", "use conn.makefile(), or collect until b'\\n'",
     "man 7 tcp; lab 2"},
    {"joined-lines", "One recv() returned several lines, and they were taken for one, or out of order.",
     "reply to each line of the buffer; keep the rest", "split the buffer at b'\\n' in a loop", "lab 2"},
    {"binary-data", "Bytes such as NUL or 0xff are lost or changed.",
     "strlen() and %s end at NUL, and char may be signed: use the count that recv() returned",
     "do not decode() what is not text", "man 3 strlen; man 2 recv"},
    {"buffer-edge", "A request as long as a buffer is cut, or gets bytes that do not belong to it.",
     "recv(fd, buffer, sizeof buffer) fills all of it: there is no room for a final NUL",
     "a fixed size in recv() is no message limit: receive until all is there", "man 2 recv"},
    {"reads-to-the-end", "The server replies only after the end of input.",
     "reply to what has come, and do not wait for recv() == 0", "conn.makefile().read() waits for the end",
     "man 2 shutdown; lab 2"},
    {"short-write", "Bytes are missing in a large reply: send() takes fewer bytes than it is given.",
     "repeat send() with the rest, also after EAGAIN when the socket is writable",
     "sendall(), not send(); with asyncio: await writer.drain()", "man 2 send"},
    {"full-pipe", "Server and client wait for each other: both want to send, and neither reads.",
     "do not read more before the reply is sent; with a non-blocking socket wait for EPOLLOUT, also",
     "the same: sendall() blocks until the client reads", "man 7 epoll; docs/architecture.md"},
    {"half-close", "After the client's shutdown(SHUT_WR) the reply or the close is missing.",
     "recv() == 0 is the end of input: send what is left, then close", "b'' from recv() is the end of input",
     "man 2 shutdown; lab 2"},
    {"spins-at-the-end", "The server uses the CPU all the time after a client's end of input.",
     "recv() returns 0 for ever: close, and remove the descriptor from poll()",
     "leave the loop on b''; selector.unregister(conn)", "man 2 recv; man 2 poll; strace -p PID"},
    {"nagle",
     "The reply is sent in two small parts: Nagle's algorithm holds the second back, and the client's "
     "acknowledgement is delayed by 40 ms.",
     "send the reply by one send(), or set TCP_NODELAY", "join the parts, then sendall(); or TCP_NODELAY",
     "man 7 tcp, TCP_NODELAY"},

    // Start and stop
    {"reuse-address", "bind() fails: old connections of this port are in TIME-WAIT.",
     "setsockopt(SO_REUSEADDR) before bind()", "allow_reuse_address = True; socket.create_server() sets it",
     "man 7 socket, SO_REUSEADDR; lab 2"},
    {"does-not-stop", "SIGTERM does not end the server.",
     "accept() or read() is repeated after EINTR: test a flag first, or use signalfd() or a pipe",
     "server.shutdown() must be called from another thread; SIGTERM needs a handler that raises",
     "man 7 signal, 'Interruption of system calls'; lab 12"},
    {"child-keeps-listener", "A child process that still runs has the listening socket.",
     "close(listener) in the child; end the children before the parent exits",
     "server.socket.close() in the child; daemon=True", "man 2 fork; lab 3"},
});

} // namespace

const hint& hint_of(std::string_view id) {
    const auto found = std::ranges::find(hint_table, id, &hint::id);
    if (found == hint_table.end()) throw std::logic_error(fmt::format("there is no hint '{}'", id));
    return *found;
}

std::span<const hint> hints() { return hint_table; }

} // namespace parley
