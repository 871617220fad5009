"""The checks of lab 5: a counter that processes share, and a queue between processes."""

import os
import re
import signal
import statistics
import time

from lab_tool.checking import check, measure, proc

HINTS = {
    "not-a-copy": {
        "en": "With the way plain, each process has its own counter: the child counts in a copy of the variable. Here it is shared, or not counted.",
        "zh": "用 plain 方式时，每个进程有自己的计数器：子进程在变量的副本里计数。这里它被共享了，或者没有计数。",
        "read": "man 2 fork; the handout, step 1",
    },
    "not-shared": {
        "en": "A client does not see what another one has added: the memory is private to each process. MAP_PRIVATE copies it at the first write; an ordinary "
              "variable is copied too.",
        "zh": "一个客户看不到另一个客户加的数：内存是每个进程私有的。MAP_PRIVATE 在第一次写时复制；普通变量也会被复制。",
        "read": "man 2 mmap, MAP_SHARED; common/concurrency/shared_memory.hpp",
    },
    "lost-updates": {
        "en": "Updates are lost although there is a lock: it must be the same lock in all processes, and the value must be read, changed and written while it "
              "is held.",
        "zh": "有锁，更新却丢失了：锁必须是所有进程共用的同一把，读、改、写都要在持有锁时进行。",
        "read": "man 3 pthread_mutexattr_setpshared; common/concurrency/locked.hpp",
    },
    "not-robust": {
        "en": "A process was killed with the lock held, and now all others wait for ever. A robust mutex tells the next one that the owner has died.",
        "zh": "一个进程持有锁时被杀，其他进程现在都在永远等待。健壮的互斥量会告诉下一个进程：持有者已经死亡。",
        "read": "man 3 pthread_mutexattr_setrobust; common/concurrency/locked.hpp",
    },
    "hold": {
        "en": "hold() must keep the same lock that add_one() takes.",
        "zh": "hold() 必须持有 add_one() 使用的同一把锁。",
        "read": "the handout, step 3",
    },
    "lines-lost": {
        "en": "Lines are missing. A writer that closes the queue when it is done closes it for all: only the reader knows when all have ended.",
        "zh": "有些行丢失了。写者写完就关闭队列，等于替所有人关闭：只有读者知道全部写者何时结束。",
        "read": "common/multiprocessing/shared_queue.hpp; the handout, step 5",
    },
    "order": {
        "en": "The lines of one writer are not in their order, or are there twice.",
        "zh": "同一个写者的行顺序不对，或者出现了两次。",
        "read": "the handout, step 4",
    },
    "never-ends": {
        "en": "The collector waits for lines that cannot come: the queue is not closed when the last writer has ended, or a writer that was killed is waited for.",
        "zh": "收集程序在等不可能再来的行：最后一个写者结束后没有关闭队列，或者在等一个已被杀掉的写者。",
        "read": "the handout, step 5; common/multiprocessing/process.hpp, is_running",
    },
    "not-bounded": {
        "en": "The writers do not wait although the reader is stopped: the queue has no limit, and would fill the memory.",
        "zh": "读者停下了，写者却不等待：队列没有上限，会占满内存。",
        "read": "the handout, step 4; common/concurrency/bounded_queue.hpp",
    },
    "not-processes": {
        "en": "The lines are written by processes: children of the collector, as many as the argument says.",
        "zh": "这些行由进程写出：收集程序的子进程，数目等于参数。",
        "read": "common/multiprocessing/process.hpp",
    },
}


def add(client, times, limit=15):
    client.send(f"add {times}\n")
    return int(client.receive_line(limit))


def start(lab, way):
    return lab.start_server("counter_server", 0, way)


@check("shared", "in shared memory a client sees what others have added", hint="not-shared", points=2)
def shared(lab):
    for way in ("unlocked", "locked"):
        server = start(lab, way)
        first, second = lab.connect(server), lab.connect(server)
        lab.expect(add(first, 5) == 5, f"{way}: the first client added 5")
        value = add(second, 1)
        lab.expect(value == 6, f"{way}: the first client added 5, and the second one then got {value}")


@check("plain", "an ordinary variable is counted by each process for itself", hint="not-a-copy")
def plain(lab):
    server = start(lab, "plain")
    first, second = lab.connect(server), lab.connect(server)
    for client in (first, second):
        lab.expect(add(client, 3) == 3, "a new process does not begin with 0")
    lab.expect(add(first, 1) == 4, "the process does not go on with its own value")


@check("exact", "with a lock no update is lost", hint="lost-updates", needs=["shared"], points=3)
def exact(lab):
    server = start(lab, "locked")
    clients = [lab.connect(server) for _ in range(4)]
    times = 200000
    for client in clients:
        client.send(f"add {times}\n")
    for client in clients:
        client.receive_line(20)
    value = add(clients[0], 1)
    lab.expect(value == 4 * times + 1, f"4 clients added {times} each; one more addition gave {value}, not {4 * times + 1}")


@check("hold", "a process that is slow with the lock held stops the others, until it is done", hint="hold", needs=["exact"])
def hold(lab):
    server = start(lab, "locked")
    holder, other = lab.connect(server), lab.connect(server)
    holder.send("hold\n")
    process = int(re.search(r"process (\d+)", holder.receive_line())[1])
    lab.eventually("the holder sleeps", lambda: proc.state(process) == "S")
    other.send("add 1\n")
    other.socket.settimeout(0.3)
    try:
        lab.fail(f"another client got {other.socket.recv(100)!r} while the lock is held")
    except TimeoutError:
        pass


@check("killed-holder", "a process that is killed with the lock held does not stop the others", hint="not-robust", needs=["hold"], points=3)
def killed_holder(lab):
    server = start(lab, "locked")
    holder, other = lab.connect(server), lab.connect(server)
    lab.expect(add(other, 7) == 7, "the first additions")
    holder.send("hold\n")
    process = int(re.search(r"process (\d+)", holder.receive_line())[1])
    lab.eventually("the holder sleeps", lambda: proc.state(process) == "S")
    other.send("add 1\n")
    lab.step(f"killed process {process}, which holds the lock")
    os.kill(process, signal.SIGKILL)
    value = int(other.receive_line(8))
    lab.expect(value == 8, f"after the death the next addition gave {value}, not 8")


LINE = re.compile(r"writer (\d+), line (\d+)")


def lines_of(lab, program):
    """Returns writer -> the numbers of its lines, in the order of the output."""
    found = {}
    for line in program.output().splitlines():
        match = LINE.fullmatch(line)
        lab.expect(match, f"a line is {line!r}", hint="order")
        found.setdefault(int(match[1]), []).append(int(match[2]))
    return found


@check("collects", "all lines of all writers are printed, in the order of each writer", hint="lines-lost", points=3)
def collects(lab):
    for writers, lines, capacity in ((1, 10, 10), (3, 200, 5), (5, 50, 1)):
        with lab.hint("never-ends"):
            program = lab.run("log_collector", writers, lines, capacity, limit=15)
        found = lines_of(lab, program)
        lab.expect(program.process.returncode == 0, f"status {program.process.returncode}: {program.errors()!r}")
        counts = {writer: len(numbers) for writer, numbers in found.items()}
        lab.expect(counts == {writer: lines for writer in range(1, writers + 1)}, f"{writers} writers of {lines} lines; the lines by writer: {counts}")
        lab.expect(all(numbers == sorted(numbers) for numbers in found.values()), "a writer's lines are out of order", hint="order")


@check("bounded", "writers are processes, and wait while the reader is stopped", hint="not-bounded", needs=["collects"], points=2)
def bounded(lab):
    program = lab.start("log_collector", 2, 30000, 10)
    lab.eventually("two writers run", lambda: len(program.children()) == 2, hint="not-processes")
    program.pause()
    lab.eventually("the writers sleep", lambda: all(proc.state(pid) == "S" for pid in program.children()))
    time.sleep(0.3)
    living = [pid for pid in program.children() if proc.state(pid) == "S"]
    lab.expect(len(living) == 2, f"the reader is stopped, and {2 - len(living)} of 2 writers did not wait")


@check("killed-writer", "a writer that is killed does not stop the collector", hint="never-ends", needs=["bounded"], points=3, limit=40)
def killed_writer(lab):
    program = lab.start("log_collector", 3, 20000, 5)
    lab.eventually("three writers run", lambda: len(program.children()) == 3)
    program.pause()
    lab.eventually("the writers sleep", lambda: all(proc.state(pid) == "S" for pid in program.children()))
    victim = program.children()[0]
    lab.step(f"killed writer {victim}")
    os.kill(victim, signal.SIGKILL)
    program.resume()
    program.expect_end(10)
    counts = sorted(len(numbers) for numbers in lines_of(lab, program).values())
    lab.expect(counts[-2:] == [20000, 20000], f"the lines by writer: {counts}; two writers were not killed", hint="lines-lost")


@measure("lost", limit=90)
def lost(lab):
    def percent():
        server = start(lab, "unlocked")
        clients = [lab.connect(server) for _ in range(2)]
        for client in clients:
            client.send("add 5000000\n")
        for client in clients:
            client.receive_line(20)
        return 100 * (10000001 - add(clients[0], 1)) / 10000000

    return statistics.median(percent() for _ in range(5))


@measure("lock-cost", limit=90)
def lock_cost(lab):
    def seconds(way):
        client = lab.connect(start(lab, way))
        add(client, 1)
        begin = time.monotonic()
        add(client, 200000)
        return time.monotonic() - begin

    return statistics.median(seconds("locked") / seconds("unlocked") for _ in range(5))


@measure("queue-size", limit=120)
def queue_size(lab):
    def seconds(capacity):
        begin = time.monotonic()
        lab.run("log_collector", 2, 20000, capacity, limit=60)
        return time.monotonic() - begin

    return statistics.median(seconds(1) / seconds(1000) for _ in range(3))
