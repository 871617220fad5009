"""The checks of lab 2: a welcome server and its client."""

import select
import socket
import statistics
import time

from lab_tool.checking import check, measure, proc

HINTS = {
    "reply-bytes": {
        "en": "The bytes are not exactly those of the protocol: each line ends in one newline, and nothing follows it. "
              "sizeof of a literal counts its final zero byte; std::string_view does not.",
        "zh": "发送的字节与协议不完全一致：每行以一个换行结尾，后面没有别的。字面量的 sizeof 会算上结尾的零字节，std::string_view 不会。",
        "read": "the handout, 'The protocol'; strace -e trace=sendto build/welcome_server 9999",
    },
    "byte-order": {
        "en": "The port in a sockaddr_in is in network byte order: htons(port). Without it 9999 becomes 3879.",
        "zh": "sockaddr_in 里的端口是网络字节序：要写 htons(port)。不转换的话 9999 会变成 3879。",
        "read": "man 3 htons; man 7 ip; ss -tln shows the real port",
    },
    "one-client": {
        "en": "The server ends, or does not accept again, after its first client: accept(2) belongs in a loop.",
        "zh": "服务器在第一个客户之后就结束，或不再接受连接：accept(2) 要放在循环里。",
        "read": "man 2 accept; server/models/iterative.cpp",
    },
    "split-line": {
        "en": "recv(2) returns what has arrived: perhaps half a name. Collect bytes until there is a newline.",
        "zh": "recv(2) 返回已经到达的字节：可能只是半个名字。要一直收集，直到出现换行。",
        "read": "man 7 tcp; common/session/input_buffer.hpp",
    },
    "joined-lines": {
        "en": "One recv(2) can return several names. Reply to each line that is in the buffer, and keep the rest.",
        "zh": "一次 recv(2) 可能返回好几个名字。对缓冲区里的每一行都要回复，剩下的留着。",
        "read": "man 7 tcp; common/session/input_buffer.cpp",
    },
    "end-of-input": {
        "en": "recv(2) returns 0 when the client has closed its sending direction. It is no error, and it does not go away: reply to "
              "what was received, then close.",
        "zh": "客户关闭发送方向后，recv(2) 返回 0。这不是错误，也不会消失：先回复已收到的内容，再关闭连接。",
        "read": "man 2 recv, RETURN VALUE; man 2 shutdown",
    },
    "exit-ignored": {
        "en": "After the line exit the server closes the connection. It keeps it open, or greets 'exit'.",
        "zh": "收到 exit 这一行后，服务器要关闭连接。它没有关闭，或者把 exit 当作名字来问候。",
        "read": "the handout, 'The protocol'",
    },
    "client-lost": {
        "en": "A client that resets its connection makes recv(2) fail with ECONNRESET. That is the end of this client, "
              "not of the server.",
        "zh": "客户重置连接时，recv(2) 会以 ECONNRESET 失败。这只是这个客户的结束，不是服务器的结束。",
        "read": "man 2 recv, ERRORS; common/net/connection.cpp",
    },
    "descriptor-leak": {
        "en": "Each client costs a descriptor that is never closed. After some hundred clients accept(2) fails with EMFILE. "
              "A unique_fd closes on every path.",
        "zh": "每个客户都占用一个从不关闭的描述符。几百个客户之后 accept(2) 会以 EMFILE 失败。unique_fd 在每条路径上都会关闭它。",
        "read": "ls -l /proc/PID/fd; common/unique_fd.hpp",
    },
    "reuse-address": {
        "en": "A connection that the server closed first stays in TIME-WAIT for a minute, and bind(2) fails with EADDRINUSE. "
              "Set SO_REUSEADDR before bind(2).",
        "zh": "服务器先关闭的连接会在 TIME-WAIT 状态停留一分钟，bind(2) 因此以 EADDRINUSE 失败。在 bind(2) 之前设置 SO_REUSEADDR。",
        "read": "man 7 socket, SO_REUSEADDR; ss -tan state time-wait",
    },
    "usage": {
        "en": "A missing or wrong argument is an error of the user: one line on standard error, and a status other than 0.",
        "zh": "缺少参数或参数错误是用户的错误：在标准错误输出一行，并以非 0 状态结束。",
        "read": "the main() of the starter",
    },
    "client-output": {
        "en": "The client prints each line that it receives, in order: first Welcome!, then a greeting for each name.",
        "zh": "客户端按顺序打印收到的每一行：先是 Welcome!，然后是每个名字的问候。",
        "read": "the handout, step 5",
    },
    "client-split-line": {
        "en": "A reply may arrive in pieces, or two lines at once. Receive until there is a newline, and keep what follows it.",
        "zh": "回复可能分几段到达，也可能两行一起到达。要一直接收到出现换行，并保留换行之后的内容。",
        "read": "man 2 recv; man 7 tcp",
    },
    "client-error": {
        "en": "If there is no server, or it closes too early, the client says so on standard error and ends with a status other than 0.",
        "zh": "如果没有服务器，或者服务器过早关闭，客户端要在标准错误说明，并以非 0 状态结束。",
        "read": "man 2 connect, ERRORS; man 2 recv, RETURN VALUE",
    },
}


def welcomed(lab, server):
    """Connects and receives the welcome."""
    client = lab.connect(server, hint="byte-order")
    client.expect("Welcome!\n")
    return client


@check("starts", "the server says where it listens, and greets a client", hint="reply-bytes")
def starts(lab):
    server = lab.start_server("welcome_server", lab.free_port())
    welcomed(lab, server)


@check("greets", "each name gets its greeting, exit ends the conversation", hint="reply-bytes", needs=["starts"], points=2)
def greets(lab):
    client = welcomed(lab, lab.start_server("welcome_server", 0))
    for name in ("Michael", "Tracy", "李雷"):
        client.send(f"{name}\n")
        client.expect(f"Hello, {name}!\n")
    with lab.hint("exit-ignored"):
        client.send("exit\n")
        client.expect_end()


@check("end-of-input", "a client that has sent everything gets all replies, then the end", hint="end-of-input", needs=["greets"], points=2)
def end_of_input(lab):
    client = welcomed(lab, lab.start_server("welcome_server", 0))
    client.send("Ada\n")
    client.expect("Hello, Ada!\n")
    client.send("Grace")
    client.shutdown_write()
    client.expect("Hello, Grace!\n")
    client.expect_end()


@check("one-after-the-other", "clients are served one after the other", hint="one-client", needs=["starts"], points=2)
def one_after_the_other(lab):
    server = lab.start_server("welcome_server", 0)
    for name in ("Ada", "Grace", "Alan"):
        client = welcomed(lab, server)
        client.send(f"{name}\n")
        client.expect(f"Hello, {name}!\n")
        client.close()


@check("split-line", "a name that arrives in three pieces is one name", hint="split-line", needs=["greets"], points=2)
def split_line(lab):
    client = welcomed(lab, lab.start_server("welcome_server", 0))
    client.send_in_pieces("Mi", "cha", "el\n")
    client.expect("Hello, Michael!\n")


@check("joined-lines", "three names that arrive together are three names", hint="joined-lines", needs=["greets"], points=2)
def joined_lines(lab):
    client = welcomed(lab, lab.start_server("welcome_server", 0))
    client.send("Michael\nTracy\nSarah\n")
    client.expect("Hello, Michael!\nHello, Tracy!\nHello, Sarah!\n")


@check("reset", "a client that resets its connection does not end the server", hint="client-lost", needs=["one-after-the-other"], points=2)
def reset(lab):
    server = lab.start_server("welcome_server", 0)
    client = welcomed(lab, server)
    client.send("Ada\n")
    client.expect("Hello, Ada!\n")
    client.reset()
    welcomed(lab, server)


@check("no-sigpipe", "a client that is gone before its reply does not end the server", hint="client-lost", needs=["one-after-the-other"], points=2)
def no_sigpipe(lab):
    server = lab.start_server("welcome_server", 0)
    client = welcomed(lab, server)
    own = client.socket.getsockname()[1]
    server.pause()
    client.send("Ada\nGrace\n")
    client.shutdown_write()
    lab.eventually("the end of input has arrived",
                   lambda: proc.connections(server.port, own, proc.CLOSE_WAIT))
    client.reset()
    server.resume()
    welcomed(lab, server)


@check("descriptors", "thirty clients leave no open descriptor", hint="descriptor-leak", needs=["one-after-the-other"], points=2)
def descriptors(lab):
    server = lab.start_server("welcome_server", 0)

    def serve_clients(count):
        for _ in range(count):
            client = welcomed(lab, server)
            client.send("exit\n")
            client.expect_end()

    serve_clients(1)
    lab.eventually("the server waits for the next client", lambda: proc.state(server.pid) == "S")
    before = len(server.descriptors())
    serve_clients(30)
    lab.expect(len(server.descriptors()) < before + 5,
               f"{before} descriptors before, {len(server.descriptors())} after: {', '.join(sorted(server.descriptors().values()))[:160]}")


@check("restart", "the server can be started again at once, at the same port", hint="reuse-address", needs=["one-after-the-other"], points=2)
def restart(lab):
    server = lab.start_server("welcome_server", lab.free_port())
    client = welcomed(lab, server)
    client.send("exit\n")
    client.expect_end()
    client.close()
    lab.eventually("the old connection is in TIME-WAIT", lambda: proc.connections(server.port, in_state=proc.TIME_WAIT))
    server.end()
    again = lab.start_server("welcome_server", server.port, hint="reuse-address")
    welcomed(lab, again)


@check("usage", "a missing or a wrong port is refused", hint="usage")
def usage(lab):
    for arguments in ([], ["many"], ["70000"]):
        ended = lab.run("welcome_server", *arguments)
        lab.expect(ended.process.returncode != 0 and ended.errors(),
                   f"status {ended.process.returncode}, standard error: {ended.errors()!r}")


@check("client", "the client prints the welcome, and a greeting for each name", hint="client-output", points=2)
def client_prints(lab):
    listener = lab.listen()
    client = lab.start("welcome_client", listener.port, "Ada", "Grace")
    server = listener.accept(client)
    server.send("Welcome!\n")
    for name in ("Ada", "Grace"):
        server.expect(f"{name}\n")
        server.send(f"Hello, {name}!\n")
    server.expect("exit\n")
    server.close()
    status = client.expect_end()
    lab.expect(status == 0, f"status {status}; standard error: {client.errors()!r}")
    lab.expect(client.output() == "Welcome!\nHello, Ada!\nHello, Grace!\n", f"the output is {client.output()!r}")


@check("client-split-line", "the client understands replies in pieces, and several at once", hint="client-split-line", needs=["client"], points=2)
def client_split_line(lab):
    listener = lab.listen()
    client = lab.start("welcome_client", listener.port, "Ada", "Grace")
    server = listener.accept(client)
    server.send_in_pieces("Wel", "come!", "\n")
    server.expect("Ada\n")
    server.send_in_pieces("Hello, ", "Ada!\nHello, Grace!\n")
    server.expect("Grace\nexit\n")
    server.close()
    client.expect_end()
    lab.expect(client.output() == "Welcome!\nHello, Ada!\nHello, Grace!\n", f"the output is {client.output()!r}")


@check("client-error", "the client reports a missing server, and one that closes too early", hint="client-error", needs=["client"])
def client_error(lab):
    refused = lab.run("welcome_client", lab.free_port(), "Ada")
    lab.expect(refused.process.returncode != 0 and refused.errors(), f"no server: status {refused.process.returncode}, "
               f"standard error {refused.errors()!r}")
    listener = lab.listen()
    client = lab.start("welcome_client", listener.port, "Ada")
    server = listener.accept(client)
    server.send("Welcome!\n")
    server.expect("Ada\n")
    server.close()
    status = client.expect_end()
    lab.expect(status != 0 and client.errors(), f"closed early: status {status}, standard error {client.errors()!r}")


@measure("backlog")
def backlog(lab):
    server = lab.start_server("welcome_server", 0)
    server.pause()
    clients = [socket.socket() for _ in range(50)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", server.port))
    _, connected, _ = select.select([], clients, [], 0)
    for client in clients:
        client.close()
    return len(connected)


@measure("time-wait")
def time_wait(lab):
    server = lab.start_server("welcome_server", 0)
    for _ in range(20):
        client = welcomed(lab, server)
        client.send("exit\n")
        client.expect_end()
        client.close()
    lab.eventually("all connections are closed", lambda: not proc.connections(server.port, in_state="04") and
                   not proc.connections(server.port, in_state="05"))  # FIN-WAIT-1, FIN-WAIT-2
    return len(proc.connections(server.port, in_state=proc.TIME_WAIT))


@measure("one-by-one", limit=60)
def one_by_one(lab):
    server, names = lab.start_server("welcome_server", 0), 200

    def seconds(step):
        client = welcomed(lab, server)
        begin = time.monotonic()
        for _ in range(0, names, step):
            client.send("Ada\n" * step)
            client.expect("Hello, Ada!\n" * step)
        taken = time.monotonic() - begin
        client.send("exit\n")
        client.expect_end()
        return taken

    return statistics.median(seconds(1) / seconds(names) for _ in range(5))
