"""The checks of lab 6: a balance, transfers crosswise, and a server with a thread for each client."""

import re
import signal
import statistics
import time

from lab_tool.checking import check, measure, proc

HINTS = {
    "balance": {
        "en": "Updates are lost although the way is locked: both threads must take the same lock, for the whole of load and store, each time.",
        "zh": "选择了加锁方式，更新却丢失了：两个线程每次都必须取同一把锁，并且覆盖读和写的全过程。",
        "read": "std::lock_guard; the example balance_with_lock",
    },
    "no-threads": {
        "en": "The balance without a lock was right in all runs: there are no two threads at the same time, or there is a lock.",
        "zh": "不加锁的余额每次都对：没有两个线程在同时运行，或者加了锁。",
        "read": "the handout, step 1; the example balance_without_lock",
    },
    "deadlock": {
        "en": "The transfers never end: one thread holds the first account and waits for the second, and the other one the other way. Take both locks by std::scoped_lock, "
              "or always in the same order.",
        "zh": "转账永远不结束：一个线程拿着第一个账户等第二个，另一个线程正好相反。用 std::scoped_lock 同时取两把锁，或总按同样的顺序取。",
        "read": "std::scoped_lock; the example deadlock; gdb -p PID, thread apply all bt",
    },
    "money-lost": {
        "en": "The total is not 2000: a transfer must hold both locks while it changes both balances.",
        "zh": "总数不是 2000：转账在修改两个余额时必须持有两把锁。",
        "read": "the handout, step 3",
    },
    "no-thread": {
        "en": "Each client has a thread of its own in the same process. Here it has a process, or none.",
        "zh": "每个客户在同一个进程里有自己的线程。这里它有的是进程，或者什么也没有。",
        "read": "man 7 pthreads; server/models/thread_per_connection.cpp",
    },
    "lock-held": {
        "en": "A client waits for another one: the server serves one at a time, or a thread holds the lock while it sends and receives. Hold it only for the counter.",
        "zh": "一个客户在等另一个客户：服务器一次只服务一个，或者线程在收发数据时还拿着锁。只在修改计数器时持有锁。",
        "read": "common/concurrency/locked.hpp",
    },
    "wrong-number": {
        "en": "Two clients have the same number, or one is left out: the counter is changed without the lock, or a thread reads a variable of the accepting loop that has "
              "changed since (a lambda that captures it by reference).",
        "zh": "两个客户编号相同，或者跳过了一个编号：修改计数器时没有加锁，或者线程读的是接受循环里已经变了的变量（lambda 按引用捕获）。",
        "read": "the handout, step 5",
    },
    "not-joined": {
        "en": "Each client leaves memory behind: a thread that is neither joined nor detached keeps its stack, 8 MiB of address space.",
        "zh": "每个客户都留下内存：既没有 join 也没有 detach 的线程会保留自己的栈，即 8 MiB 的地址空间。",
        "read": "man 3 pthread_join; grep VmSize /proc/PID/status",
    },
    "no-limit": {
        "en": "More clients are served than MAX_THREADS. With all threads taken, do not accept: clients wait in the backlog.",
        "zh": "服务的客户多于 MAX_THREADS。线程占满时不要接受连接：客户在 backlog 里等待。",
        "read": "the handout, step 6",
    },
    "connection-kept": {
        "en": "The client does not see the end: its thread is done, and the connection is still open.",
        "zh": "客户看不到连接结束：它的线程已经完成，连接却还开着。",
        "read": "man 2 shutdown; the handout, step 6",
    },
    "client-lost": {
        "en": "One client ends the whole process: an exception that leaves the function of a thread, or SIGPIPE, ends all threads.",
        "zh": "一个客户让整个进程结束：离开线程函数的异常，或者 SIGPIPE，会结束所有线程。",
        "read": "std::thread, std::terminate; man 2 send, MSG_NOSIGNAL",
    },
    "stop": {
        "en": "SIGTERM ends the server in order: end the connections (shutdown), join all threads, print the number of clients, exit with status 0. Threads inherit the signal "
              "mask: block the signals before the first thread starts.",
        "zh": "SIGTERM 让服务器有序结束：结束各个连接（shutdown），join 所有线程，打印客户数，以状态 0 退出。线程会继承信号掩码：在第一个线程启动之前阻塞信号。",
        "read": "man 2 signalfd; man 3 pthread_sigmask; man 2 shutdown",
    },
}

WELCOME = re.compile(r"Welcome! client (\d+)")


def printed(lab, name, *arguments, limit=15):
    """Runs accounts, and returns the number that it prints behind a word."""
    ended = lab.run("accounts", *arguments, limit=limit)
    found = re.fullmatch(name + r" (-?\d+)\n", ended.output())
    lab.expect(found, f"accounts {' '.join(map(str, arguments))} printed {ended.output()!r}")
    return int(found[1])


@check("locked", "with the lock the balance is 0", hint="balance", points=2, limit=60)
def locked(lab):
    for _ in range(3):
        value = printed(lab, "balance", "locked", 1500000)
        lab.expect(value == 0, f"balance {value}")


@check("unlocked", "without the lock two threads lose updates", hint="no-threads", needs=["locked"], limit=60)
def unlocked(lab):
    # If only one core is free, updates are lost when a thread is interrupted: then many rounds are needed.
    lost = any(printed(lab, "balance", "unlocked", 2000000) for _ in range(15))
    lab.expect(lost, "the balance was 0 in 15 runs of 2,000,000 rounds")


@check("transfers", "transfers in opposite directions end, and the total stays 2000", hint="money-lost", points=3)
def transfers(lab):
    for _ in range(3):
        with lab.hint("deadlock"):
            ended = lab.start("accounts", "transfers", 200000)
            ended.expect_end(15)
        lab.expect(ended.output() == "total 2000\n", f"it printed {ended.output()!r}")


def welcomed(lab, server):
    client = lab.connect(server)
    line = client.receive_line()
    found = WELCOME.fullmatch(line)
    lab.expect(found, f"the welcome is {line!r}")
    return client, int(found[1])


def leave(client):
    client.send("exit\n")
    client.expect_end()


@check("own-thread", "a client is served by a thread of its own", hint="no-thread")
def own_thread(lab):
    server = lab.start_server("thread_server", 0, 20)
    welcomed(lab, server)
    before = len(server.threads())
    for _ in range(2):
        welcomed(lab, server)
    lab.expect(len(server.threads()) == before + 2 and not server.children(),
               f"2 more clients: {before} threads before, {len(server.threads())} after; {len(server.children())} child processes")


@check("at-once", "several clients are served at the same time", hint="lock-held", points=2)
def at_once(lab):
    server = lab.start_server("thread_server", 0, 20)
    clients = [welcomed(lab, server)[0] for _ in range(3)]
    for client in reversed(clients):
        client.send("Ada\n")
        client.expect("Hello, Ada!\n")


@check("numbers", "each client has a number of its own", hint="wrong-number", needs=["at-once"], points=2)
def numbers(lab):
    server = lab.start_server("thread_server", 0, 100)
    for round in range(3):
        server.pause()  # so that all are accepted one after the other, without a pause
        clients = [lab.connect(server) for _ in range(30)]
        server.resume()
        found = sorted(int(WELCOME.fullmatch(client.receive_line())[1]) for client in clients)
        expected = list(range(30 * round + 1, 30 * round + 31))
        lab.expect(found == expected, f"30 clients that come at once have the numbers {found}")
        for client in clients:
            client.close()


@check("end", "a client that says exit sees the end", hint="connection-kept", needs=["at-once"])
def end(lab):
    server = lab.start_server("thread_server", 0, 20)
    welcomed(lab, server)
    for _ in range(5):
        leave(welcomed(lab, server)[0])


@check("limit", "at most MAX_THREADS clients are served, and the next one waits", hint="no-limit", needs=["end"], points=2)
def limit(lab):
    server = lab.start_server("thread_server", 0, 2)
    first, second = welcomed(lab, server)[0], welcomed(lab, server)[0]
    third = lab.connect(server)
    third.socket.settimeout(0.3)
    try:
        lab.fail(f"MAX_THREADS is 2, and a third client received {third.socket.recv(100)!r}")
    except TimeoutError:
        third.socket.settimeout(5)
    leave(first)
    lab.expect(WELCOME.fullmatch(third.receive_line()), "the third client is not welcomed")
    leave(second)


def address_space(server):
    """Returns VmSize in KiB (proc(5))."""
    with open(f"/proc/{server.pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmSize"))


@check("joined", "threads that are done leave nothing behind", hint="not-joined", needs=["end"], points=2)
def joined(lab):
    server = lab.start_server("thread_server", 0, 20)

    def serve(count):
        for _ in range(count):
            leave(welcomed(lab, server)[0])
        lab.eventually("one thread is left", lambda: len(server.threads()) == 1)

    serve(20)  # the library keeps some stacks for new threads
    before = address_space(server)
    serve(40)
    grown = address_space(server) - before
    lab.expect(grown < 40 * 8192 // 2, f"40 clients came and left, and the address space has grown by {grown} KiB")


@check("lost-client", "a client that resets its connection ends its thread only", hint="client-lost", needs=["at-once"], points=2)
def lost_client(lab):
    server = lab.start_server("thread_server", 0, 20)
    stays, _ = welcomed(lab, server)
    for _ in range(5):
        client, _ = welcomed(lab, server)
        server.pause()
        client.send("Ada\nGrace\n")
        client.reset()
        server.resume()
    stays.send("Ada\n")
    stays.expect("Hello, Ada!\n")
    leave(welcomed(lab, server)[0])


@check("stop", "SIGTERM ends all connections and threads, with status 0", hint="stop", needs=["end"], points=3)
def stop(lab):
    server = lab.start_server("thread_server", 0, 20)
    leave(welcomed(lab, server)[0])
    clients = [welcomed(lab, server)[0] for _ in range(3)]
    server.send_signal(signal.SIGTERM)
    try:
        status = server.process.wait(5)
    except Exception:  # subprocess.TimeoutExpired
        lab.fail("it still runs 5 s after SIGTERM")
    lab.expect(status == 0, f"it ended by {server.ended_how()}")
    lab.expect("served 4 clients" in server.output(), f"its output is {server.output()!r}")
    for client in clients:
        client.expect_end()


@measure("lock-cost", limit=60)
def lock_cost(lab):
    def seconds(way):
        begin = time.monotonic()
        printed(lab, "balance", way, 1000000, limit=30)
        return time.monotonic() - begin

    return statistics.median(seconds("locked") / seconds("unlocked") for _ in range(3))


def ten_clients(lab):
    server = lab.start_server("thread_server", 0, 20)
    before = address_space(server)
    for _ in range(10):
        welcomed(lab, server)
    return server, before


@measure("threads")
def threads(lab):
    server, _ = ten_clients(lab)
    return len(proc.threads(server.pid))


@measure("stack")
def stack(lab):
    server, before = ten_clients(lab)
    return (address_space(server) - before) / 10 / 1024
