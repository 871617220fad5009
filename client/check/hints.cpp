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

    // Several clients
    {"one-at-a-time", "The server serves one client to its end, while the others wait in the backlog.",
     "fork() or a thread per client, or poll() over all sockets after accept()",
     "threading.Thread per client, socketserver.ThreadingTCPServer, or asyncio", "man 2 accept; labs 3 to 12"},
    {"slow-client-stops", "While the server waits for one client, the others wait, too.",
     "a blocking recv() or send() in an event loop: O_NONBLOCK, keep the rest, and wait for EPOLLOUT",
     "sock.setblocking(False) with selectors; await writer.drain() with asyncio", "man 7 epoll; lab 11"},
    {"burst", "Of clients that connect at the same moment some are not served.",
     "edge-triggered: accept() until EAGAIN; with threads: pass the socket by value, not the address of a "
     "variable that accept() overwrites",
     "a variable that all threads share; pass it by args=(conn,)", "man 7 epoll, EPOLLET; lab 7"},
    {"silent-client", "Among many clients some get no reply: their sockets or requests were lost.",
     "threads share the variable of accept(); or edge-triggered and not read until EAGAIN",
     "a closure uses the loop's variable; pass it by args=(conn,)", "man 7 epoll, EPOLLET; lab 7"},
    {"crossed-bytes", "Clients share a buffer, a variable or a socket that each should have for itself.",
     "static or global buffers; strtok() and inet_ntoa() in threads; a socket that was closed twice",
     "a global variable, or a class attribute of the handler",
     "man 7 pthreads, 'Thread-safe functions'; lab 7"},
    {"lost-client", "The server closes a connection that is in use.",
     "close() twice: in between, accept() has given the number to another client; set fd = -1, close in one "
     "place",
     "os.close(conn.fileno()) and conn.close() both close; leave it to the with statement",
     "man 2 close, NOTES; lab 7"},
    {"reply-order", "Requests of one connection are served side by side, and the fastest reply comes first.",
     "one thread for a connection at a time, or a queue for each connection",
     "do not start a task for each line; await them in order", "lab 9"},
    {"lost-update", "Two workers read the counter, and both write the same next number.",
     "pthread_mutex_lock() around read and write, or atomic_fetch_add(); between processes in shared memory",
     "with lock: counter += 1; multiprocessing.Value with get_lock()", "man 3 pthread_mutex_lock; lab 6"},
    {"pool-size", "The number of clients that are served at a time is not the one that was promised.",
     "count what pthread_create() or fork() really started; the main thread must not serve, too",
     "ThreadPoolExecutor(max_workers=N)", "labs 4 and 9"},
    {"ignores-host", "The address on the command line is not the one that is bound.",
     "INADDR_ANY instead of inet_pton() or getaddrinfo(); AF_INET alone cannot listen at ::1",
     "bind(('', port)) instead of bind((host, port)); socket.AF_INET6 for ::1",
     "man 3 getaddrinfo; man 7 ipv6; lab 2"},
    {"idle-clients", "Clients that send nothing keep the workers of the pool for ever.",
     "setsockopt(SO_RCVTIMEO), or poll() with a timeout before recv(), then close", "conn.settimeout(seconds)",
     "man 7 socket, SO_RCVTIMEO; lab 9"},
    {"short-backlog", "The queue of connections that wait for accept() is very short.",
     "listen(fd, SOMAXCONN), not listen(fd, 1)", "listen() without argument, or request_queue_size = 128",
     "man 2 listen"},
    {"select", "select() cannot watch descriptors above 1,023.", "poll() or epoll instead of select()",
     "selectors.DefaultSelector() instead of select.select()", "man 2 select, BUGS; lab 11"},

    // Limits
    {"edge-triggered", "One event was taken for one read, and the rest of the request is never read.",
     "with EPOLLET: recv() until EAGAIN; or leave EPOLLET out", "read until BlockingIOError",
     "man 7 epoll, 'Level-triggered and edge-triggered'; lab 11"},
    {"no-descriptors", "Without a free descriptor accept() fails with EMFILE at once, again and again.",
     "after EMFILE or ENFILE wait some time before the next accept(); never exit",
     "catch OSError of accept(), and sleep; socketserver does not", "man 2 accept, ERRORS; lab 12"},
    {"unbounded-output", "Replies that a client does not read are kept in memory, without a limit.",
     "while replies wait to be sent, do not read requests: remove EPOLLIN",
     "await writer.drain() after each write()", "man 7 epoll; lab 11"},
    {"unbounded-line", "A line that never ends is collected in memory, without a limit.",
     "close the connection when a line is longer than the limit", "readline(limit); StreamReader has a limit",
     "man 3 getline; lab 2"},

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

    // Injected faults
    {"short-read", "A read that returned some bytes was taken for a whole request.",
     "recv() may return 1 byte: repeat until the request is complete", "recv(n) returns at most n bytes",
     "man 2 recv; lab 2"},
    {"interrupted", "EINTR was taken for an error, or for the end.",
     "do call again while errno == EINTR, or install the handler with SA_RESTART",
     "Python repeats the call since version 3.5, if the handler raises nothing",
     "man 7 signal, 'Interruption of system calls'; lab 3"},
    {"accept-error", "An error of accept() that concerns one connection ended the server, or its accepting.",
     "ECONNABORTED, EINTR: try again at once; EMFILE, ENFILE, ENOMEM: try again later",
     "catch OSError around accept() inside the loop", "man 2 accept, 'Error handling'; lab 12"},
    {"no-worker", "fork() or pthread_create() failed, and this was not noticed, or it ended the server.",
     "test for -1 (fork) and for non-zero (pthread_create): close this client, and continue",
     "catch OSError and RuntimeError around start()", "man 2 fork, ERRORS; man 3 pthread_create; lab 3"},
    {"stale-errno", "errno was used after another call, which had changed it.",
     "int error = errno; as the first statement after the call that failed",
     "not in Python: the exception has it", "man 3 errno"},
});

} // namespace

const hint& hint_of(std::string_view id) {
    const auto found = std::ranges::find(hint_table, id, &hint::id);
    if (found == hint_table.end()) throw std::logic_error(fmt::format("there is no hint '{}'", id));
    return *found;
}

std::span<const hint> hints() { return hint_table; }

} // namespace parley
