"""The checks of lab 3: a process for each client."""

import re
import signal
import statistics
import time

from lab_tool.checking import check, measure, proc

HINTS = {
    "no-child": {
        "en": "Each client has a process of its own, a child of the server: fork(2) after accept(2), and serve in the child.",
        "zh": "每个客户有自己的进程，它是服务器的子进程：accept(2) 之后 fork(2)，在子进程里服务。",
        "read": "man 2 fork; server/models/fork_per_connection.cpp",
    },
    "copied-memory": {
        "en": "The number of the client is wrong: a child has a copy of all variables, and what it changes is not seen in the parent. Count in the "
              "parent, before fork(2).",
        "zh": "客户的编号不对：子进程有所有变量的副本，它的修改父进程看不到。要在父进程里、fork(2) 之前计数。",
        "read": "man 2 fork; the example fork",
    },
    "one-at-a-time": {
        "en": "The parent waits for the child before it accepts the next client.",
        "zh": "父进程要等子进程结束才接受下一个客户。",
        "read": "man 2 waitpid, WNOHANG",
    },
    "connection-kept": {
        "en": "The client does not see the end, since another process has the connection too: the parent must close its copy after fork(2).",
        "zh": "客户看不到连接结束，因为另一个进程也拿着这个连接：fork(2) 之后父进程必须关闭自己的那一份。",
        "read": "man 2 fork; man 2 close; ls -l /proc/PID/fd",
    },
    "listener-kept": {
        "en": "The server has ended, and its port still listens: a child has a copy of the listening socket. Close it in the child.",
        "zh": "服务器已经结束，端口却还在监听：子进程拿着监听套接字的副本。要在子进程里关闭它。",
        "read": "man 2 fork; ss -tlnp",
    },
    "child-returns": {
        "en": "The child returns into the loop of the parent, and accepts clients too. It must leave by _exit(2) when its client has left.",
        "zh": "子进程返回到父进程的循环里，也开始接受客户。客户离开后，它必须用 _exit(2) 结束。",
        "read": "man 2 _exit",
    },
    "zombies": {
        "en": "Children that have ended stay as zombies until the parent waits for them. One SIGCHLD may stand for several: call waitpid(2) with WNOHANG until "
              "it returns no more.",
        "zh": "结束的子进程会成为僵尸，直到父进程等待它们。一个 SIGCHLD 可能代表好几个：用带 WNOHANG 的 waitpid(2) 反复等待，直到没有为止。",
        "read": "man 2 waitpid; man 7 signal, 'Standard signals do not queue'",
    },
    "doubled-output": {
        "en": "A line appears twice: it was in the buffer of stdout at fork(2), and the child has written its copy. Flush before fork(2), and leave the child by "
              "_exit(2).",
        "zh": "有一行出现了两次：fork(2) 时它还在 stdout 的缓冲区里，子进程把自己的副本也写了出来。fork(2) 之前要刷新，子进程用 _exit(2) 结束。",
        "read": "man 3 fflush; man 2 _exit; man 3 setbuf",
    },
    "fork-fails": {
        "en": "fork(2) fails if there are too many processes (EAGAIN). Close that client's connection, and go on: the others are served.",
        "zh": "进程太多时 fork(2) 会失败（EAGAIN）。关闭这个客户的连接，然后继续：其他客户照常服务。",
        "read": "man 2 fork, ERRORS; man 2 setrlimit, RLIMIT_NPROC",
    },
    "interrupted": {
        "en": "SIGCHLD interrupts accept(2) or poll(2): EINTR is no error. Repeat the call, or use SA_RESTART or a signalfd.",
        "zh": "SIGCHLD 会打断 accept(2) 或 poll(2)：EINTR 不是错误。重复调用，或使用 SA_RESTART 或 signalfd。",
        "read": "man 7 signal, 'Interruption of system calls'; man 2 signalfd",
    },
    "stop": {
        "en": "SIGTERM ends the server and its children: signal them, wait for all, and exit with status 0. A child inherits blocked signals.",
        "zh": "SIGTERM 结束服务器和它的子进程：向它们发信号，等待全部结束，以状态 0 退出。子进程会继承被阻塞的信号。",
        "read": "man 2 kill; man 2 sigprocmask",
    },
}

WELCOME = re.compile(r"Welcome! client (\d+), process (\d+)")


def welcomed(lab, server):
    """Connects. Returns the client, its number, and the process that serves it."""
    client = lab.connect(server)
    line = client.receive_line()
    found = WELCOME.fullmatch(line)
    lab.expect(found, f"the welcome is {line!r}, not 'Welcome! client N, process PID'", hint="no-child")
    return client, int(found[1]), int(found[2])


def leave(client):
    client.send("exit\n")
    client.expect_end()


@check("own-process", "a client is served by a child of the server", hint="no-child")
def own_process(lab):
    server = lab.start_server("fork_server", 0)
    client, _, process = welcomed(lab, server)
    lab.expect(process in server.children(), f"process {process} greets, and it is no child of the server (process {server.pid})")
    client.send("Ada\n")
    client.expect("Hello, Ada!\n")


@check("at-once", "several clients are served at the same time, each by its process", hint="one-at-a-time", needs=["own-process"], points=2)
def at_once(lab):
    server = lab.start_server("fork_server", 0)
    clients = [welcomed(lab, server) for _ in range(3)]
    lab.expect(len({process for _, _, process in clients}) == 3, "two clients have the same process")
    for client, _, _ in reversed(clients):
        client.send("Ada\n")
        client.expect("Hello, Ada!\n")


@check("next-client", "the child ends with its client, and the next client is served", hint="interrupted", needs=["at-once"], points=3)
def next_client(lab):
    server = lab.start_server("fork_server", 0)
    for _ in range(10):
        client, _, process = welcomed(lab, server)
        client.close()
        lab.eventually(f"process {process} has ended", lambda process=process: proc.state(process) in ("Z", None), hint="child-returns")


@check("end", "a client that says exit sees the end, while others stay", hint="connection-kept", needs=["at-once"], points=2)
def end(lab):
    server = lab.start_server("fork_server", 0)
    first, _, _ = welcomed(lab, server)
    second, _, _ = welcomed(lab, server)
    leave(first)
    leave(second)


@check("numbers", "clients are numbered 1, 2, 3", hint="copied-memory", needs=["at-once"], points=2)
def numbers(lab):
    server = lab.start_server("fork_server", 0)
    for expected in (1, 2, 3):
        client, number, _ = welcomed(lab, server)
        lab.expect(number == expected, f"client {expected} was greeted as client {number}")
        leave(client)


@check("no-zombies", "children that have ended are waited for, also if several end together", hint="zombies", needs=["next-client"], points=3)
def no_zombies(lab):
    server = lab.start_server("fork_server", 0)
    clients = [welcomed(lab, server) for _ in range(6)]
    server.pause()  # so that all deaths are one SIGCHLD
    for client, _, _ in clients:
        client.close()
    lab.eventually("all children have ended", lambda: all(proc.state(process) in ("Z", None) for _, _, process in clients))
    server.resume()
    lab.eventually("no zombie is left", lambda: not server.zombies())
    leave(welcomed(lab, server)[0])


@check("output-once", "each line of the server's output appears once", hint="doubled-output", needs=["next-client"], points=2)
def output_once(lab):
    server = lab.start_server("fork_server", 0)
    for _ in range(4):
        leave(welcomed(lab, server)[0])
    lab.eventually("all children have ended", lambda: all(proc.state(pid) in ("Z", None) for pid in server.children()))
    server.end()
    lines = server.output().splitlines()
    lab.expect(lines[1:] == [f"client {number}" for number in (1, 2, 3, 4)], f"the output is {lines}")


@check("port-free", "the children do not keep the port when the server has been killed", hint="listener-kept", needs=["own-process"], points=2)
def port_free(lab):
    server = lab.start_server("fork_server", 0)
    welcomed(lab, server)
    server.send_signal(signal.SIGKILL)
    server.process.wait()
    lab.eventually("the port no longer listens", lambda: not proc.connections(server.port, in_state="0A"))


@check("no-process-left", "a client without a process is closed, and the server goes on", hint="fork-fails", needs=["end"], points=3)
def no_process_left(lab):
    server = lab.start_server("fork_server", 0)
    clients = [lab.connect(server) for _ in range(20)]
    lab.step("the user may have 16 processes")
    replies = [client.receive_some() for client in clients]
    lost = [client for client, reply in zip(clients, replies) if reply == b""]
    lab.expect(lost, "no client was closed, although there are only 16 processes")
    lab.expect(all(reply == b"" or reply.startswith(b"Welcome!") for reply in replies), f"the replies are {replies}")
    for client in clients:
        client.close()
    lab.eventually("the children have ended", lambda: not server.children(), hint="zombies")
    leave(welcomed(lab, server)[0])


@check("stop", "SIGTERM ends the server and its children, with status 0", hint="stop", needs=["end"], points=2)
def stop(lab):
    server = lab.start_server("fork_server", 0)
    clients = [welcomed(lab, server) for _ in range(3)]
    server.send_signal(signal.SIGTERM)
    status = server.expect_end()
    lab.expect(status == 0, f"status {status}")
    lab.expect(all(proc.state(process) in ("Z", None) for _, _, process in clients), "a child still runs after the server has ended")


@measure("processes")
def processes(lab):
    server = lab.start_server("fork_server", 0)
    for _ in range(10):
        welcomed(lab, server)
    return 1 + len(proc.descendants(server.pid))


@measure("served")
def served(lab):
    server = lab.start_server("fork_server", 0)
    clients = [lab.connect(server) for _ in range(20)]
    return sum(client.receive_some() != b"" for client in clients)


@measure("fork-cost", limit=60)
def fork_cost(lab):
    lab.add_parley_program("parley-server")

    def seconds(server):
        begin = time.monotonic()
        for _ in range(200):
            client = lab.connect(server)
            client.receive_line()
            client.socket.close()
        return time.monotonic() - begin

    def pair():
        iterative = lab.start_server("parley-server", "--model", "iterative", "--service", "welcome", "--listen", "127.0.0.1:0", "--log-level", "error")
        return seconds(lab.start_server("fork_server", 0)) / seconds(iterative)

    return statistics.median(pair() for _ in range(3))
