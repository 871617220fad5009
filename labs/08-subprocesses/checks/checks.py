"""The checks of lab 8: capturing a program's outputs, and an inetd of one's own."""

import fcntl
import os
import signal
import statistics
import time

from lab_tool.checking import check, measure, proc

HINTS = {
    "does-not-run": {
        "en": "The program is not run, or its status is not decoded: waitpid(2) returns a number for WIFEXITED, WEXITSTATUS, WIFSIGNALED and WTERMSIG.",
        "zh": "程序没有运行，或者状态没有解码：waitpid(2) 返回的数要用 WIFEXITED、WEXITSTATUS、WIFSIGNALED 和 WTERMSIG 来解释。",
        "read": "man 2 waitpid; man 3 exec",
    },
    "pipe-not-closed": {
        "en": "The reading loop waits for ever: this process has the writing end of the pipe, too. Close it after fork(2).",
        "zh": "读的循环永远等待：本进程也拿着管道的写端。fork(2) 之后要关闭它。",
        "read": "man 7 pipe; common/process/subprocess.cpp",
    },
    "deadlock": {
        "en": "One pipe is read to its end before the other: a program that fills the other one blocks, and both wait for ever. Wait for both by poll(2).",
        "zh": "先把一个管道读到头，再读另一个：程序写满另一个管道时会阻塞，双方永远互相等待。用 poll(2) 同时等待两个。",
        "read": "man 2 poll; man 7 pipe, Pipe capacity",
    },
    "exec-failed": {
        "en": "execvp(3) returns only if it fails. The child must then say so, and leave by _exit(127): exit(3) would also write its copy "
              "of the parent's stdio buffer, to the client. It must never go on as a second parent.",
        "zh": "execvp(3) 只有失败时才返回。这时子进程必须说明，并用 _exit(127) 离开：exit(3) 还会把父进程 stdio 缓冲区的副本写给客户。"
              "它绝不能作为第二个父进程继续运行。",
        "read": "man 3 exec, RETURN VALUE; man 2 _exit",
    },
    "inherited": {
        "en": "The command inherits descriptors that it does not know of: connections of other clients stay open in it, and the port too. Open everything with "
              "CLOEXEC; dup2(2) clears the flag of the copies.",
        "zh": "命令继承了它不知道的描述符：其他客户的连接会在它那里一直打开，端口也一样。打开一切时都加 CLOEXEC；dup2(2) 得到的副本没有这个标志。",
        "read": "man 2 open, O_CLOEXEC; ls -l /proc/PID/fd",
    },
    "no-command": {
        "en": "The connection must be the command's standard input and output: dup2(2) to 0 and 1, then execvp(3).",
        "zh": "连接必须成为命令的标准输入和标准输出：dup2(2) 到 0 和 1，然后 execvp(3)。",
        "read": "man 2 dup2; server/models/exec.cpp",
    },
    "connection-kept": {
        "en": "The command has ended, and the client does not see it: the server still has the connection. Close it in the parent after fork(2).",
        "zh": "命令已经结束，客户却看不到：服务器还拿着连接。fork(2) 之后要在父进程里关闭它。",
        "read": "man 2 close; the handout, step 4",
    },
    "one-at-a-time": {
        "en": "The server waits for the command before it accepts the next client.",
        "zh": "服务器要等命令结束才接受下一个客户。",
        "read": "man 2 waitpid, WNOHANG; the handout, step 6",
    },
    "environment": {
        "en": "The command learns of its client by two variables: TCPREMOTEIP and TCPREMOTEPORT, set in the child before execvp(3).",
        "zh": "命令通过两个变量了解它的客户：TCPREMOTEIP 和 TCPREMOTEPORT，在子进程里、execvp(3) 之前设置。",
        "read": "man 3 setenv; man 3 inet_ntop",
    },
    "signals": {
        "en": "Ignored and blocked signals are inherited through execvp(3): the command would not stop at SIGTERM, or at a closed pipe. Restore the mask, and "
              "the default of SIGPIPE, in the child.",
        "zh": "被忽略和被阻塞的信号会穿过 execvp(3) 继承下去：命令收到 SIGTERM 或管道关闭时不会停止。在子进程里恢复掩码和 SIGPIPE 的默认处理。",
        "read": "man 7 signal, 'Signal mask and pending signals'; man 3 exec",
    },
    "zombies": {
        "en": "Commands that have ended stay as zombies until their parent waits for them, each one: one SIGCHLD may stand for several.",
        "zh": "结束的命令会成为僵尸，直到父进程等待它们，每一个都要等：一个 SIGCHLD 可能代表好几个。",
        "read": "man 2 waitpid",
    },
    "no-limit": {
        "en": "More commands run than MAX_CHILDREN. With all places taken, do not accept: clients wait in the backlog.",
        "zh": "运行的命令多于 MAX_CHILDREN。位置占满时不要接受连接：客户在 backlog 里等待。",
        "read": "the handout, step 6",
    },
    "stop": {
        "en": "SIGTERM ends the server and all that it has started, also what the commands have started: give each command a process group, and signal the group.",
        "zh": "SIGTERM 结束服务器和它启动的一切，也包括命令启动的程序：给每个命令一个进程组，向整个组发信号。",
        "read": "man 2 setpgid; man 2 kill, negative pid",
    },
}


def captured(lab, *command, status=0):
    """Runs capture, and returns its three lines."""
    ended = lab.run("capture", *command)
    lab.expect(ended.process.returncode == status, f"capture ended with status {ended.process.returncode}: {ended.errors()!r}")
    return ended.output().splitlines()


@check("captures", "a program runs, and how it ends is told", hint="does-not-run")
def captures(lab):
    for command, expected in ((["echo", "Ada"], ["exit code 0", "output: 4 bytes", "errors: 0 bytes"]),
                              (["sh", "-c", "echo Ada >&2; exit 3"], ["exit code 3", "output: 0 bytes", "errors: 4 bytes"]),
                              (["sh", "-c", "kill -TERM $$"], ["killed by signal 15", "output: 0 bytes", "errors: 0 bytes"])):
        with lab.hint("pipe-not-closed"):
            lines = captured(lab, *command)
        lab.expect(lines == expected, f"expected {expected}, and it printed {lines}", hint="does-not-run")


@check("both-outputs", "both outputs are read at the same time", hint="deadlock", needs=["captures"], points=3)
def both_outputs(lab):
    big = "head -c 300000 /dev/zero"
    for script in (f"{big} >&2; {big}", f"{big}; {big} >&2"):
        lines = captured(lab, "sh", "-c", script)
        lab.expect(lines[1:] == ["output: 300000 bytes", "errors: 300000 bytes"], f"it printed {lines}")


@check("no-such-program", "a program that cannot be run is reported", hint="exec-failed", needs=["captures"])
def no_such_program(lab):
    ended = lab.run("capture", "/no/such/program")
    lab.expect(ended.process.returncode not in (0, None) and "/no/such/program" in ended.errors(),
               f"status {ended.process.returncode}, standard error {ended.errors()!r}")
    lab.expect(not ended.output(), f"on standard output: {ended.output()!r}")


def inherited(pid):
    """Returns the descriptors besides 0, 1 and 2 that a program must have inherited. The files are its own: of its locale, for example."""
    return {number: target for number, target in proc.descriptors(pid).items()
            if number > 2 and (not target.startswith("/") or target.startswith("/dev/"))}


@check("captured-descriptors", "the captured program inherits three descriptors, and no more", hint="inherited", needs=["captures"])
def captured_descriptors(lab):
    capture = lab.start("capture", "sleep", "30")
    lab.eventually("sleep runs", lambda: any(proc.name(pid) == "sleep 30" for pid in capture.children()))
    extra = inherited(capture.children()[0])
    lab.expect(not extra, f"the program has also {', '.join(f'{number}: {target}' for number, target in extra.items())}")


def inetd(lab, *command, most=10):
    return lab.start_server("inetd", 0, most, *command)


@check("serves", "the connection is the command's input and output", hint="no-command", points=2)
def serves(lab):
    client = lab.connect(inetd(lab, "cat"))
    client.send("Ada\n")
    client.expect("Ada\n")
    with lab.hint("connection-kept"):
        client.shutdown_write()
        client.expect_end()


@check("at-once", "several clients have a command each", hint="one-at-a-time", needs=["serves"], points=2)
def at_once(lab):
    server = inetd(lab, "cat")
    clients = [lab.connect(server) for _ in range(3)]
    for number, client in reversed(list(enumerate(clients))):
        client.send(f"Ada {number}\n")
        client.expect(f"Ada {number}\n")


@check("environment", "the command knows the address of its client", hint="environment", needs=["serves"])
def environment(lab):
    client = lab.connect(inetd(lab, "sh", "-c", "echo $TCPREMOTEIP $TCPREMOTEPORT"))
    ip, port = client.socket.getsockname()
    client.expect(f"{ip} {port}\n")


@check("descriptors", "the command inherits nothing of the server and of other clients", hint="inherited", needs=["at-once"], points=2)
def descriptors(lab):
    server = inetd(lab, "cat")
    first, second = lab.connect(server), lab.connect(server)
    for client in (first, second):
        client.send("Ada\n")
        client.expect("Ada\n")
    for child in server.children():
        extra = inherited(child)
        lab.expect(not extra, f"cat (process {child}) has also {', '.join(f'{number}: {target}' for number, target in extra.items())}")


@check("signals", "the command starts with the usual signals", hint="signals", needs=["serves"], points=2)
def signals(lab):
    client = lab.connect(inetd(lab, "grep", "-E", "SigBlk|SigIgn", "/proc/self/status"))
    for _ in range(2):
        name, _, mask = client.receive_line().partition(":")
        lab.expect(int(mask, 16) == 0, f"{name} of the command is {mask.strip()}: bits of signals, from 1")


@check("no-zombies", "commands that have ended are waited for", hint="zombies", needs=["serves"], points=2)
def no_zombies(lab):
    server = inetd(lab, "cat", most=20)
    clients = [lab.connect(server) for _ in range(8)]
    for client in clients:
        client.send("Ada\n")
        client.expect("Ada\n")
    server.pause()  # all deaths become one SIGCHLD
    children = server.children()
    for client in clients:
        client.close()
    lab.eventually("all commands have ended", lambda: all(proc.state(pid) in ("Z", None) for pid in children))
    server.resume()
    lab.eventually("no zombie is left", lambda: not server.zombies())


@check("bad-command", "a command that cannot be run costs its client only", hint="exec-failed", needs=["serves"], points=2)
def bad_command(lab):
    server = inetd(lab, "/no/such/program")
    for _ in range(3):
        lab.connect(server).expect_end()
    lab.eventually("no child is left", lambda: not server.children())
    lab.expect("/no/such/program" in server.errors(), f"standard error: {server.errors()!r}")
    lab.expect(server.output().count("listening") == 1, "the ready line was printed more than once")


@check("limit", "at most MAX_CHILDREN commands run, and the next client waits", hint="no-limit", needs=["at-once"], points=2)
def limit(lab):
    server = inetd(lab, "cat", most=2)
    first, second, third = (lab.connect(server) for _ in range(3))
    for client in (first, second):
        client.send("Ada\n")
        client.expect("Ada\n")
    third.send("Grace\n")
    lab.eventually("the server waits", lambda: proc.state(server.pid) == "S")
    lab.expect(len(server.children()) == 2, f"MAX_CHILDREN is 2, and {len(server.children())} commands run")
    first.close()
    third.expect("Grace\n")


@check("stop", "SIGTERM ends the server, the commands, and what they have started", hint="stop", needs=["at-once"], points=3)
def stop(lab):
    server = inetd(lab, "sh", "-c", "sleep 1000 & cat")
    client = lab.connect(server)
    client.send("Ada\n")
    client.expect("Ada\n")
    started = proc.descendants(server.pid)
    lab.expect(len(started) >= 3, f"sh, sleep and cat should run; there are {len(started)} processes")
    server.send_signal(signal.SIGTERM)
    status = server.expect_end()
    lab.expect(status == 0, f"status {status}")
    lab.eventually("all processes have ended", lambda: all(proc.state(pid) in ("Z", None) for pid in started))


@measure("pipe-size")
def pipe_size(_):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    written = 0
    try:
        while True:
            written += os.write(writer, b"x" * 1024)
    except BlockingIOError:
        pass
    os.close(reader)
    os.close(writer)
    return written // 1024


@measure("descriptors")
def descriptors_of_inetd(lab):
    server = inetd(lab, "cat", most=20)
    for client in [lab.connect(server) for _ in range(10)]:
        client.send("Ada\n")
        client.expect("Ada\n")
    return len(server.descriptors())


@measure("exec-cost", limit=60)
def exec_cost(lab):
    lab.add_parley_program("parley-server")

    def seconds(server):
        begin = time.monotonic()
        for _ in range(100):
            client = lab.connect(server)
            client.expect("Ada\n")
            client.expect_end()
            client.socket.close()
        taken = time.monotonic() - begin
        server.end()
        return taken

    def pair():
        fork = lab.start_server("parley-server", "--model", "fork", "--service", "welcome", "--greeting", "Ada", "--listen", "127.0.0.1:0", "--log-level", "error")
        return seconds(inetd(lab, "echo", "Ada")) / seconds(fork)

    return statistics.median(pair() for _ in range(3))
