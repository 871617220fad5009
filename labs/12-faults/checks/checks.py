"""The checks of lab 12: a server with a thread for each client survives clients, shortages and a stop."""

import dataclasses
import fcntl
import re
import select
import signal
import socket
import struct
import termios
import time
from contextlib import contextmanager

from lab_tool.checking import Failed, check, measure, proc
from lab_tool.sandbox import wait_for

MIB = 1 << 20
LINE = b"a line of thirty-two characters\n"

HINTS = {
    "thread-exception": {
        "en": "An exception that leaves the function of a thread ends the whole process (std::terminate, SIGABRT). An error of one "
              "connection is the end of that connection: return from serve().",
        "zh": "离开线程函数的异常会结束整个进程（std::terminate，SIGABRT）。一个连接的错误只是这个连接的结束：从 serve() 返回。",
        "read": "man 2 recv, ERRORS: ECONNRESET; common/net/connection.cpp",
    },
    "client-lost": {
        "en": "One client's failure reached other clients, or the server. Look at each call on the connection, and at each of its errors.",
        "zh": "一个客户的失败影响了别的客户，或者整个服务器。检查这个连接上的每个调用，以及它的每个错误。",
        "read": "man 2 recv, ERRORS; man 2 send, ERRORS; tests/faults/faults_test.cpp",
    },
    "reset-in-backlog": {
        "en": "A client can reset its connection before it is accepted. Linux still accepts it, and then getpeername(2) fails with ENOTCONN. "
              "Ask accept4(2) for the address, or let that error cost this client only.",
        "zh": "客户可能在被 accept 之前就重置连接。Linux 仍然会接受它，之后 getpeername(2) 以 ENOTCONN 失败。"
              "让 accept4(2) 给出地址，或者让这个错误只影响这个客户。",
        "read": "man 2 accept, 'Error handling'; man 2 getpeername; common/net/listener.cpp, accept_from",
    },
    "descriptor-leak": {
        "en": "A client that was lost leaves an open descriptor. close(2) must happen on every path: give each descriptor to a unique_fd, "
              "and move that into the thread.",
        "zh": "失去的客户留下了打开的描述符。每条路径上都必须 close(2)：把描述符交给 unique_fd，再把它移动进线程。",
        "read": "ls -l /proc/PID/fd; common/unique_fd.hpp",
    },
    "interrupted": {
        "en": "A call was interrupted, and that was taken for the end of the client. recv(2) and send(2) with a timeout fail with EINTR also "
              "without a signal handler, when the process is stopped and continued (Ctrl-Z and fg, a debugger). Call them again.",
        "zh": "调用被打断，却被当作客户的结束。带超时的 recv(2) 和 send(2) 在进程被暂停又继续时（Ctrl-Z 和 fg，调试器）也会以 EINTR 失败，"
              "即使没有信号处理函数。应当再调用一次。",
        "read": "man 7 signal, 'Interruption of system calls and library functions by stop signals'; common/check.hpp",
    },
    "line-without-end": {
        "en": "A client that never sends a newline makes the input grow for ever. Close its connection when more than 64 KiB are no line yet.",
        "zh": "从不发送换行的客户让输入无限增长。超过 64 KiB 还不成一行时，就关闭它的连接。",
        "read": "the handout, 'The program'; common/session/input_buffer.hpp",
    },
    "slow-reader": {
        "en": "Replies that the client does not read pile up in the server's memory. Send all replies before the next recv(2), with a send(2) that "
              "waits: then TCP's flow control stops the client.",
        "zh": "客户不读的回复堆积在服务器的内存里。在下一次 recv(2) 之前，用会等待的 send(2) 发完全部回复：这样 TCP 的流量控制会让客户停下来。",
        "read": "man 2 send, MSG_DONTWAIT; man 7 tcp; common/session/reply_batch.hpp",
    },
    "reply-lost": {
        "en": "A client that reads late does not get all its replies: send(2) took fewer bytes than it was offered, or none (EAGAIN), and the rest was dropped.",
        "zh": "读得晚的客户没有收到全部回复：send(2) 只接收了一部分字节，或者一个也没有接收（EAGAIN），其余的被丢掉了。",
        "read": "man 2 send, RETURN VALUE",
    },
    "idle-for-ever": {
        "en": "A client that sends nothing for the idle time keeps its thread and its descriptor. Its host may have lost power: then no FIN and no "
              "reset ever comes. After SO_RCVTIMEO recv(2) fails with EAGAIN: that is the end of this client.",
        "zh": "在空闲时间内什么都不发的客户仍占着线程和描述符。它的主机可能断电了：那样永远不会有 FIN，也不会有重置。"
              "SO_RCVTIMEO 到时后 recv(2) 以 EAGAIN 失败：这就是这个客户的结束。",
        "read": "man 7 socket, SO_RCVTIMEO; common/net/connection.hpp, set_timeout",
    },
    "sends-for-ever": {
        "en": "The idle time also holds for a client that reads nothing: without SO_SNDTIMEO its thread waits in send(2) for ever.",
        "zh": "空闲时间对什么都不读的客户也有效：没有 SO_SNDTIMEO，它的线程会永远等在 send(2) 里。",
        "read": "man 7 socket, SO_SNDTIMEO",
    },
    "out-of-descriptors": {
        "en": "accept(2) failed for want of descriptors (EMFILE), and that ended the server. It is no fault of the listening socket, and passes when "
              "a client leaves.",
        "zh": "accept(2) 因为缺少描述符而失败（EMFILE），服务器就结束了。这不是监听套接字的错误，有客户离开时它就会过去。",
        "read": "man 2 accept, ERRORS; common/net/listener.cpp, classify_accept_error",
    },
    "spins": {
        "en": "Without a free descriptor accept(2) fails at once, and again at once: the client stays in the queue. Pause before the next call, "
              "for example 50 ms.",
        "zh": "没有空闲描述符时，accept(2) 立即失败，再调用还是立即失败：客户仍在队列里。下一次调用之前要停顿，例如 50 ms。",
        "read": "common/net/listener.hpp, accept_backoff",
    },
    "not-served-later": {
        "en": "Clients that waited for a descriptor were not served after others had left. After the pause accept again.",
        "zh": "等待描述符的客户在别人离开之后没有得到服务。停顿之后要再次 accept。",
        "read": "common/net/listener.cpp, accept",
    },
    "no-thread": {
        "en": "The constructor of std::thread throws std::system_error if the system has no thread left (EAGAIN). That costs this client only: "
              "close its connection, and go on.",
        "zh": "系统没有线程可用时，std::thread 的构造函数抛出 std::system_error（EAGAIN）。这只影响这个客户：关闭它的连接，然后继续。",
        "read": "man 3 pthread_create, ERRORS; man 2 setrlimit, RLIMIT_NPROC",
    },
    "reply-cut-off": {
        "en": "SIGTERM ended the process while replies were in flight. First accept no more; then let each thread reply to what has arrived: "
              "shutdown(2) with SHUT_RD makes its recv(2) return 0 after that; then wait for all threads.",
        "zh": "SIGTERM 在回复还没有发完时就结束了进程。先停止 accept；再让每个线程回复已经到达的内容：shutdown(2) 的 SHUT_RD 让 recv(2) "
              "在那之后返回 0；最后等待全部线程。",
        "read": "man 2 shutdown; common/process/stop_signal.hpp; common/net/listener.hpp, stop_listening",
    },
    "stop-hangs": {
        "en": "After SIGTERM the server waits for a client without a limit. Idle clients get the end of input at once; the others have a grace period "
              "of 2 s, then the server ends without them.",
        "zh": "SIGTERM 之后，服务器无限期地等待某个客户。空闲的客户要立即看到输入结束；其他客户有 2 秒宽限期，之后服务器不再等它们。",
        "read": "common/process/stop_signal.hpp: install, is_grace_over",
    },
    "stop-status": {
        "en": "A stop by SIGTERM is an orderly end: status 0, not an error and not death by the signal.",
        "zh": "被 SIGTERM 停止是正常结束：状态是 0，不是错误，也不是被信号杀死。",
        "read": "man 7 signal; man 3 exit",
    },
    "reuse-address": {
        "en": "The server closed its connections first, so they stay in TIME-WAIT for a minute, and bind(2) fails with EADDRINUSE. Set SO_REUSEADDR "
              "before bind(2).",
        "zh": "服务器先关闭了连接，所以它们在 TIME-WAIT 状态停留一分钟，bind(2) 以 EADDRINUSE 失败。在 bind(2) 之前设置 SO_REUSEADDR。",
        "read": "man 7 socket, SO_REUSEADDR; ss -tan state time-wait",
    },
    "capitals": {
        "en": "The replies are not the client's lines in capitals, in order, each with one newline.",
        "zh": "回复不是按顺序的、大写的、各带一个换行的客户行。",
        "read": "the handout, 'The program'; add_in_capitals and take_lines in the starter",
    },
}


# Helpers -------------------------------------------------------------------------------------------------------------

def echoed(lab, server, client=None):
    """Sends a line on a connection, a new one by default, and expects it in capitals. Returns the connection."""
    client = client or lab.connect(server)
    client.send("Ada\n")
    client.expect("ADA\n")
    return client


def survives(lab, server, others=()):
    """Expects that the server still serves clients: those that it had, and a new one."""
    try:
        for client in [*others, None]:
            echoed(lab, server, client)
    except Failed as failed:
        if failed.hint == "crash":  # not the general hint of SIGABRT
            raise Failed(failed.args[0], "thread-exception" if "terminate called" in server.errors() else None) from None
        raise


@contextmanager
def limited(lab, **changes):
    """Programs that are started in the block have other limits (sandbox.Limits)."""
    before = lab.sandbox.limits
    lab.sandbox.limits = dataclasses.replace(before, **changes)
    lab.step("with " + ", ".join(f"{value} {name}" for name, value in changes.items()))
    yield
    lab.sandbox.limits = before


def memory(server, field):
    """Returns VmRSS (now) or VmHWM (the most so far) of a process in bytes."""
    with open(f"/proc/{server.pid}/status", encoding="ascii", errors="replace") as file:
        found = re.search(rf"{field}:\s+(\d+) kB", file.read())
    return int(found[1]) * 1024 if found else 0


def send_until_full(client, most, quiet=0.5):
    """Sends lines and reads nothing, until the kernel has taken no byte for `quiet` seconds. Returns the number of bytes
    that were taken; at the end the last line is complete, unless the connection is lost."""
    data, sent = LINE * 4096, 0
    client.socket.setblocking(False)
    try:
        while sent < most and select.select([], [client.socket], [], quiet)[1]:
            sent += client.socket.send(data[sent % len(data):])
    except (ConnectionError, BlockingIOError):
        pass
    client.lab.step(f"sent {sent / MIB:.1f} MiB of lines, and read no reply")
    return sent


def unacknowledged(client):
    """Returns how many bytes have not arrived at the server's socket (tcp(7), SIOCOUTQ)."""
    return struct.unpack("i", fcntl.ioctl(client.socket, termios.TIOCOUTQ, b"\0" * 4))[0]


def receive_all(client, count, limit=15.0):
    """Receives `count` bytes, or what comes until the end of input, a reset, or the time limit. Returns the bytes."""
    received, deadline = bytearray(client.received), time.monotonic() + limit
    client.received = b""
    client.socket.setblocking(True)
    try:
        while len(received) < count and select.select([client.socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
            if not (data := client.socket.recv(1 << 16)):
                break
            received += data
    except ConnectionError:
        pass
    return bytes(received)


def outcome(client):
    """Returns "reply", "end" or "silent": what a client that has sent a line has got so far."""
    if not select.select([client.socket], [], [], 0)[0]:
        return "silent"
    try:
        return "reply" if client.socket.recv(4096, socket.MSG_PEEK) else "end"
    except ConnectionError:
        return "end"


def outcomes_when_quiet(clients, quiet):
    """Returns the outcome of each client, when nothing has changed for `quiet` seconds."""
    before, since = None, time.monotonic()
    while time.monotonic() - since < quiet:
        now = [outcome(client) for client in clients]
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.01)
    return before


def is_short_of_descriptors(lab):
    """Starts the server with 32 descriptors, and connects 100 clients that send a line and stay. Returns all."""
    with limited(lab, descriptors=32):
        server = lab.start_server("capitals_server", 0)
    clients = [lab.connect(server) for _ in range(100)]
    for client in clients:
        try:
            client.socket.sendall(b"Ada\n")
        except ConnectionError:
            pass  # the check looks at the server itself
    lab.step("each of them sent a line")
    return server, clients


def cpu_share(server, seconds):
    """Returns the CPU seconds that a program uses in a second."""
    before, begin = proc.cpu_seconds(server.pid), time.monotonic()
    wait_for(server.process, seconds)
    return (proc.cpu_seconds(server.pid) - before) / (time.monotonic() - begin)


# Lost clients --------------------------------------------------------------------------------------------------------

@check("reset", "a client that resets its connection in mid line costs only itself", hint="client-lost", points=2)
def reset(lab):
    server = lab.start_server("capitals_server", 0)
    other, client = echoed(lab, server), echoed(lab, server)
    client.send("half a li")
    client.wait_until_read()
    client.reset()
    survives(lab, server, [other])


@check("capitals", "lines in pieces and lines together come back in capitals", hint="capitals")
def capitals(lab):
    server = lab.start_server("capitals_server", 0)
    client = lab.connect(server)
    client.send_in_pieces("Mi", "chael\nTra", "cy\n")
    client.expect("MICHAEL\nTRACY\n")
    client.send("a" * 60000 + "\nlast")
    client.shutdown_write()
    client.expect("A" * 60000 + "\nLAST\n")
    client.expect_end()


@check("interrupted", "a server that is stopped and continued keeps its clients", hint="interrupted", needs=["reset"], points=2)
def interrupted(lab):
    server = lab.start_server("capitals_server", 0)
    client = lab.connect(server)
    for _ in range(2):
        client.send("A")
        client.wait_until_read()
        server.pause()
        server.resume()
        client.send("da\n")
        try:
            client.expect("ADA\n")
        except Failed as failed:
            raise Failed(failed.args[0], "interrupted") from None  # also if it ended the process
    survives(lab, server, [client])


@check("reset-in-backlog", "a client that resets its connection before it is accepted costs only itself", hint="reset-in-backlog", needs=["interrupted"], points=2)
def reset_in_backlog(lab):
    server = lab.start_server("capitals_server", 0)
    other = echoed(lab, server)
    server.pause()
    lab.connect(server).reset()
    server.resume()
    survives(lab, server, [other])


@check("gone", "a client that is gone before its reply costs only itself", hint="client-lost", needs=["interrupted"], points=2)
def gone(lab):
    server = lab.start_server("capitals_server", 0)
    other, client = echoed(lab, server), echoed(lab, server)
    own = client.socket.getsockname()[1]
    server.pause()
    client.send("Ada\nGrace\n")
    client.shutdown_write()
    lab.eventually("the end of input has arrived", lambda: proc.connections(server.port, own, proc.CLOSE_WAIT))
    client.reset()
    server.resume()
    survives(lab, server, [other])


@check("descriptors", "thirty lost clients leave no open descriptor", hint="descriptor-leak", needs=["reset"], points=2)
def descriptors(lab):
    server = lab.start_server("capitals_server", 0)
    echoed(lab, server).close()
    lab.eventually("the server has closed the first connection", lambda: not proc.connections(server.port, in_state=proc.CLOSE_WAIT))
    before = len(server.descriptors())
    for _ in range(30):
        client = echoed(lab, server)
        client.send("half a li")
        client.wait_until_read()
        client.reset()
    lab.eventually(f"at most {before + 5} descriptors are open", lambda: len(server.descriptors()) <= before + 5)
    survives(lab, server)


# Start and stop ------------------------------------------------------------------------------------------------------

@check("stop", "at SIGTERM an idle client gets the end of input, and the server ends with status 0", hint="stop-hangs", points=2)
def stop(lab):
    server = lab.start_server("capitals_server", 0)
    clients = [echoed(lab, server) for _ in range(3)]
    server.send_signal(signal.SIGTERM)
    for client in clients:
        client.expect_end()
    if wait_for(server.process, 5) is None:
        lab.fail("the server still runs 5 s later")
    lab.expect(server.process.returncode == 0, f"{server.ended_how()}; standard error {server.errors()[-200:]!r}", hint="stop-status")


@check("restart", "the server can be started again at once, at the same port", hint="reuse-address", needs=["stop"], points=2)
def restart(lab):
    server = lab.start_server("capitals_server", lab.free_port())
    client = echoed(lab, server)
    server.send_signal(signal.SIGTERM)
    client.expect_end()
    client.close()
    wait_for(server.process, 5)
    lab.eventually("the old connection is in TIME-WAIT", lambda: proc.connections(server.port, in_state=proc.TIME_WAIT))
    survives(lab, lab.start_server("capitals_server", server.port, hint="reuse-address"))


# Shortage ------------------------------------------------------------------------------------------------------------

@check("no-threads", "a client for which there is no thread costs only itself", hint="no-thread", points=2)
def no_threads(lab):
    with limited(lab, processes=8):
        server = lab.start_server("capitals_server", 0)
    # As root each sandbox has its own user, else RLIMIT_NPROC counts all that this user runs.
    with open(f"/proc/{server.pid}/limits", encoding="ascii") as file:
        most = int(re.search(r"Max processes\s+(\d+)", file.read())[1])
    before = len(server.descriptors())
    clients = [lab.connect(server) for _ in range(min(most + 6, 200))]
    for client in clients:
        try:
            client.socket.sendall(b"Ada\n")
        except ConnectionError:
            pass
    got = outcomes_when_quiet(clients, 0.3)
    lab.step(f"each of them sent a line: {got.count('reply')} replies, {got.count('end')} closed, {got.count('silent')} wait")
    lab.expect(server.is_running(), f"the server ended with {server.ended_how()}: {server.errors()[-200:]!r}")
    lab.expect(got.count("reply") >= 4, f"only {got.count('reply')} clients got a reply")
    for client in clients:
        client.close()
    lab.eventually(f"at most {before} descriptors are open", lambda: len(server.descriptors()) <= before, hint="descriptor-leak")
    survives(lab, server)


@check("no-descriptors", "without a free descriptor the server serves its clients, and waits without using the CPU",
       hint="out-of-descriptors", points=2)
def no_descriptors(lab):
    server, clients = is_short_of_descriptors(lab)
    lab.eventually("20 clients have their reply, or the server has ended",
                   lambda: sum(outcome(client) == "reply" for client in clients) >= 20 or not server.is_running())
    lab.expect(server.is_running(), f"with 32 descriptors the server ended with {server.ended_how()}: {server.errors()[-200:]!r}")
    used = cpu_share(server, 0.7)
    lab.expect(server.is_running(), f"with 32 descriptors the server ended with {server.ended_how()}: {server.errors()[-200:]!r}")
    lab.expect(used < 0.3, f"while clients waited for a descriptor, the server used {100 * used:.0f} % of a CPU", hint="spins")


@check("served-later", "clients that waited for a descriptor are served when others leave", hint="not-served-later", needs=["no-descriptors"], points=2)
def served_later(lab):
    server, clients = is_short_of_descriptors(lab)
    for client in clients:  # the longest waiting first, as accept(2) takes them
        client.expect("ADA\n")
        client.close()
    survives(lab, server)


# Memory and time -----------------------------------------------------------------------------------------------------

@check("idle", "a client that sends nothing for the idle time loses its connection", hint="idle-for-ever", points=2)
def idle(lab):
    server = lab.start_server("capitals_server", 0, 300)
    client = echoed(lab, server)
    client.send("half a li")
    client.expect_end()
    survives(lab, server)


@check("line-without-end", "a client that sends no newline fills no memory, and loses its connection", hint="line-without-end", points=2)
def line_without_end(lab):
    server = lab.start_server("capitals_server", 0)
    other, client = echoed(lab, server), lab.connect(server)
    before, sent = memory(server, "VmHWM"), 0
    try:
        while sent < 16 * MIB:
            client.socket.sendall(b"a" * 65536)
            sent += 65536
    except ConnectionError:
        pass
    except TimeoutError:
        lab.fail(f"after {sent} bytes without a newline the connection is open, and the server reads no more")
    lab.step(f"sent {sent} bytes without a newline")
    growth = memory(server, "VmHWM") - before
    lab.expect(growth < 4 * MIB, f"the server's memory grew by {growth / MIB:.1f} MiB")
    lab.expect(receive_all(client, 1, 5) == b"" and outcome(client) == "end", "the connection is still open")
    survives(lab, server, [other])


@check("slow-reader", "a client that reads late fills no memory, and gets all its replies", hint="slow-reader", points=2, limit=60)
def slow_reader(lab):
    server = lab.start_server("capitals_server", 0)
    other, client = echoed(lab, server), lab.connect(server)
    before = memory(server, "VmHWM")
    sent = send_until_full(client, 40 * MIB)
    growth = memory(server, "VmHWM") - before
    lab.expect(growth < 8 * MIB, f"the server's memory grew by {growth / MIB:.1f} MiB")
    echoed(lab, server, other)
    # Now it reads. It still has the rest of its last line to send.
    expected = sent - sent % len(LINE)
    received = receive_all(client, expected)
    lab.expect(len(received) == expected, f"replies of {len(received)} bytes came, {expected} were due", hint="reply-lost")
    lab.expect(received == LINE.upper() * (expected // len(LINE)), "a reply is not its line in capitals", hint="reply-lost")


@check("idle-reader", "a client that reads nothing for the idle time loses its connection", hint="sends-for-ever", needs=["idle", "slow-reader"], points=2)
def idle_reader(lab):
    server = lab.start_server("capitals_server", 0, 300)
    before = len(server.descriptors())
    client = lab.connect(server)
    send_until_full(client, 40 * MIB, 0.1)
    lab.eventually("the server has closed its end", lambda: len(server.descriptors()) <= before)
    survives(lab, server)


# Stop with replies in flight -----------------------------------------------------------------------------------------

@check("stop-replies", "at SIGTERM every line that has arrived gets its reply", hint="reply-cut-off", needs=["stop", "slow-reader"], points=2, limit=60)
def stop_replies(lab):
    server = lab.start_server("capitals_server", 0)
    client, sent = lab.connect(server), 0
    own = client.socket.getsockname()[1]

    def all_is_read():
        return not unacknowledged(client) and not any(found["unread"] for found in proc.connections(server.port, own))

    # Pieces that fit into the server's receive buffer, until it waits in send(2) and leaves the last one there.
    is_waiting = False
    while sent < 40 * MIB and not is_waiting:
        client.socket.sendall(LINE * 512)
        sent += 512 * len(LINE)
        deadline = time.monotonic() + 0.3
        while not all_is_read() and not is_waiting:
            time.sleep(0.002)
            is_waiting = time.monotonic() > deadline
    lab.eventually("all has arrived at the server's socket", lambda: not unacknowledged(client))
    lab.step(f"sent {sent / MIB:.1f} MiB of lines, and read no reply")
    server.send_signal(signal.SIGTERM)
    lab.eventually("the port is closed", lambda: not proc.connections(server.port, in_state=proc.LISTEN))
    received = receive_all(client, sent)
    lab.expect(len(received) == sent, f"replies of {len(received)} bytes came, {sent} were due")
    client.expect_end()
    lab.expect(wait_for(server.process, 5) == 0, f"the server {server.ended_how()}", hint="stop-hangs")


@check("stop-in-time", "a client that never reads does not hold up the stop", hint="stop-hangs", needs=["stop", "slow-reader"], points=2)
def stop_in_time(lab):
    server = lab.start_server("capitals_server", 0)
    client = lab.connect(server)
    send_until_full(client, 40 * MIB, 0.2)
    server.send_signal(signal.SIGTERM)
    if wait_for(server.process, 6) is None:
        lab.fail("the server still runs 6 s later")
    lab.expect(server.process.returncode == 0, server.ended_how(), hint="stop-status")


# Predictions ---------------------------------------------------------------------------------------------------------

@measure("served")
def served(lab):
    _, clients = is_short_of_descriptors(lab)
    return outcomes_when_quiet(clients, 0.5).count("reply")


@measure("waiting")
def waiting(lab):
    _, clients = is_short_of_descriptors(lab)
    return outcomes_when_quiet(clients, 0.5).count("silent")


@measure("busy")
def busy(lab):
    server, clients = is_short_of_descriptors(lab)
    outcomes_when_quiet(clients, 0.3)
    return 100 * cpu_share(server, 1.0)


@measure("held")
def held(lab):
    server = lab.start_server("capitals_server", 0)
    clients = [echoed(lab, server) for _ in range(40)]
    before = memory(server, "VmRSS")
    for client in clients:
        client.socket.sendall(b"a" * 60000)
    for client in clients:
        client.wait_until_read()
    return (memory(server, "VmRSS") - before) / (40 * 60000)


@measure("taken")
def taken(lab):
    server = lab.start_server("capitals_server", 0)
    return send_until_full(lab.connect(server), 40 * MIB, 1.0) / 65536
