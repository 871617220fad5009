"""The checks of lab 4: a prefork server."""

import collections
import os
import re
import signal
import time

from lab_tool.checking import check, measure, proc

HINTS = {
    "no-pool": {
        "en": "The workers are forked before any client comes: as many as the argument says, all children of the first process. A "
              "child must never leave run_worker, or it forks workers of its own.",
        "zh": "工作进程在任何客户到来之前就 fork 好：数目等于参数，全部是最初那个进程的子进程。子进程绝不能离开 run_worker，否则它自己也会 fork。",
        "read": "man 2 fork; server/models/prefork.cpp",
    },
    "welcome": {
        "en": "The welcome names the worker and its process: 'Welcome! worker 2, process 4711'. run_worker composes it.",
        "zh": "欢迎行说明工作进程的编号和进程号：'Welcome! worker 2, process 4711'。run_worker 已经写好这一行。",
        "read": "run_worker in the starter",
    },
    "not-parallel": {
        "en": "While a worker serves a client, the others must accept. Each worker calls accept(2) by itself.",
        "zh": "一个工作进程服务客户时，其他进程必须能接受连接。每个工作进程自己调用 accept(2)。",
        "read": "man 2 accept; server/models/prefork.cpp",
    },
    "too-many": {
        "en": "More clients are served at a time than there are workers. Only workers accept, not the parent, and each serves one "
              "client until it has left.",
        "zh": "同时服务的客户多于工作进程。只有工作进程接受连接，父进程不接受；每个进程服务一个客户直到它离开。",
        "read": "the handout, step 1",
    },
    "one-client": {
        "en": "A worker serves client after client: accept(2) stands in a loop. A new process for each client is the fork model of lab 3.",
        "zh": "工作进程一个接一个地服务客户：accept(2) 在循环里。每个客户一个新进程，那是实验 3 的模型。",
        "read": "the handout, step 1",
    },
    "not-replaced": {
        "en": "A worker that has died is replaced, each one, also if several die at the same time: one SIGCHLD may stand for "
              "several of them, so call waitpid(2) until it returns no more.",
        "zh": "死掉的工作进程要被替换，每一个都要，即使几个同时死掉：一个 SIGCHLD 可能代表好几个进程，所以要反复调用 waitpid(2)，直到没有为止。",
        "read": "man 2 waitpid; man 7 signal; common/concurrency/child_processes.cpp",
    },
    "zombies": {
        "en": "A child that has ended stays as a zombie until its parent waits for it, and counts towards the limit of processes.",
        "zh": "子进程结束后会成为僵尸，直到父进程等待它；它也计入进程数的限制。",
        "read": "man 2 waitpid, NOTES; ps -o pid,stat,cmd",
    },
    "no-back-off": {
        "en": "Workers that die at once are replaced without a pause: hundreds of fork(2) per second, and no CPU for anything else. "
              "Wait before the next one, and double the time with each early death.",
        "zh": "一启动就死掉的工作进程被不停地替换：每秒几百次 fork(2)，别的程序得不到 CPU。替换之前要等待，每次过早死亡都把等待时间加倍。",
        "read": "common/concurrency/restart_policy.hpp",
    },
    "stop": {
        "en": "SIGTERM to the parent ends all: the parent passes it on to the workers, waits for them, and exits with status 0.",
        "zh": "父进程收到 SIGTERM 后全部结束：它把信号转发给工作进程，等待它们，再以状态 0 退出。",
        "read": "man 2 sigtimedwait; man 2 kill",
    },
    "workers-inherit-mask": {
        "en": "A blocked signal stays blocked in the child: a worker that inherits the parent's mask ignores SIGTERM. Restore the mask after "
              "fork(2).",
        "zh": "被阻塞的信号在子进程里仍然被阻塞：继承了父进程掩码的工作进程收不到 SIGTERM。fork(2) 之后要恢复掩码。",
        "read": "man 2 sigprocmask; man 2 fork",
    },
    "orphans": {
        "en": "A parent that is killed cannot end its workers: they go on, and keep the port. prctl(PR_SET_PDEATHSIG) ends "
              "them with their parent.",
        "zh": "被 SIGKILL 杀掉的父进程无法结束工作进程：它们会继续运行，并占住端口。prctl(PR_SET_PDEATHSIG) 让它们随父进程结束。",
        "read": "man 2 prctl, PR_SET_PDEATHSIG",
    },
    "usage": {
        "en": "A missing or wrong argument is an error of the user: one line on standard error, and a status other than 0.",
        "zh": "缺少参数或参数错误是用户的错误：在标准错误输出一行，并以非 0 状态结束。",
        "read": "the main() of the starter",
    },
}

WELCOME = re.compile(r"Welcome! worker (\d+), process (\d+)")


def welcomed(lab, server):
    """Connects, and returns the client with the number and the process of its worker."""
    client = lab.connect(server)
    line = client.receive_line()
    found = WELCOME.fullmatch(line)
    lab.expect(found, f"the welcome is {line!r}", hint="welcome")
    return client, int(found[1]), int(found[2])


def started(lab, workers):
    """Starts the server, and waits until it has its workers."""
    server = lab.start_server("prefork_server", 0, workers)
    lab.eventually(f"there are {workers} workers (there are {len(server.children())})",
                   lambda: len(running(server)) == workers, hint="no-pool")
    return server


def running(server):
    return [pid for pid in server.children() if proc.state(pid) not in ("Z", None)]


def is_silent(client, seconds=0.3):
    """True if nothing comes. A right server is silent for ever, so a slow machine only makes this check weaker."""
    client.socket.settimeout(seconds)
    try:
        return client.socket.recv(1) is None
    except TimeoutError:
        return True


@check("pool", "the workers are there before the first client, and no more of them", hint="no-pool")
def pool(lab):
    server = started(lab, 3)
    clients = [welcomed(lab, server) for _ in range(3)]
    found = proc.descendants(server.pid)
    lab.expect(len(found) == 3, f"3 workers were asked for, and there are {len(found)} descendants")
    for _, number, process in clients:
        lab.expect(process in found and number in (1, 2, 3), f"worker {number}, process {process} is no child of the server")


@check("parallel", "as many clients are served at a time as there are workers", hint="not-parallel", needs=["pool"], points=2)
def parallel(lab):
    server = started(lab, 3)
    clients = [welcomed(lab, server)[0] for _ in range(3)]
    for client in reversed(clients):
        client.send("Ada\n")
        client.expect("Hello, Ada!\n")


@check("not-more", "one client more waits until a worker is free", hint="too-many", needs=["parallel"], points=2)
def not_more(lab):
    server = started(lab, 2)
    clients = [welcomed(lab, server)[0] for _ in range(2)]
    third = lab.connect(server)
    lab.expect(is_silent(third), "2 workers, and the third client got a reply while both others stay")
    third.socket.settimeout(5)
    clients[0].send("exit\n")
    clients[0].expect_end()
    line = third.receive_line()
    lab.expect(WELCOME.fullmatch(line), f"then the third client received {line!r}")


@check("client-after-client", "a worker serves client after client", hint="one-client", needs=["pool"], points=2)
def client_after_client(lab):
    server = started(lab, 2)
    before = set(running(server))
    for _ in range(20):
        client, _, process = welcomed(lab, server)
        lab.expect(process in before, f"process {process} is none of the first workers")
        client.send("exit\n")
        client.expect_end()
    lab.expect(set(running(server)) == before, "the workers are no longer those of the start")


@check("reset", "a client that resets its connection costs no worker", hint="one-client", needs=["client-after-client"])
def reset(lab):
    server = started(lab, 2)
    before = set(running(server))
    for _ in range(6):
        client, _, _ = welcomed(lab, server)
        client.send("Ada\n")
        client.reset()
    for _ in range(2):
        welcomed(lab, server)
    lab.expect(set(running(server)) == before, "the workers are no longer those of the start")


@check("replaced", "a worker that is killed is replaced", hint="not-replaced", needs=["pool"], points=2)
def replaced(lab):
    server = started(lab, 3)
    time_to_live(lab)
    victim = running(server)[0]
    lab.step(f"killed worker {victim}")
    os.kill(victim, signal.SIGKILL)
    lab.eventually("there are 3 workers again", lambda: len(running(server)) == 3 and victim not in running(server))
    for client in [welcomed(lab, server)[0] for _ in range(3)]:
        client.send("Ada\n")
        client.expect("Hello, Ada!\n")


@check("all-replaced", "workers that are killed at the same time are all replaced", hint="not-replaced", needs=["replaced"], points=2)
def all_replaced(lab):
    server = started(lab, 4)
    time_to_live(lab)
    victims = running(server)
    server.pause()  # so that all deaths are one SIGCHLD
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    lab.eventually("all four are dead", lambda: all(proc.state(pid) in ("Z", None) for pid in victims))
    server.resume()
    lab.eventually("there are 4 workers again", lambda: len(running(server)) == 4 and not set(victims) & set(running(server)))


@check("no-zombies", "dead workers are waited for", hint="zombies", needs=["replaced"], points=2)
def no_zombies(lab):
    server = started(lab, 3)
    time_to_live(lab)
    for victim in running(server):
        os.kill(victim, signal.SIGKILL)
    lab.eventually("there are 3 new workers", lambda: len(running(server)) == 3)
    lab.eventually("no zombie is left", lambda: not server.zombies(), hint="zombies")


@check("back-off", "workers that die at their start are not replaced in a busy loop", hint="no-back-off", needs=["replaced"], points=2)
def back_off(lab):
    server = started(lab, 1)
    deaths, deadline = set(), time.monotonic() + 1.5
    while time.monotonic() < deadline:
        for pid in running(server):
            deaths.add(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.001)
    lab.step(f"killed each worker at once, for 1.5 s: {len(deaths)} workers")
    lab.expect(len(deaths) <= 30, f"the server started {len(deaths)} workers in 1.5 s, and each died at once")
    lab.eventually("there is a worker again", lambda: running(server), limit=10)


@check("stop", "SIGTERM ends the parent and all workers, with status 0", hint="stop", needs=["pool"], points=2)
def stop(lab):
    server = started(lab, 3)
    workers = running(server)
    client, _, _ = welcomed(lab, server)
    masked = any(masks_sigterm(pid) for pid in workers)
    server.send_signal(signal.SIGTERM)
    with lab.hint("workers-inherit-mask" if masked else "stop"):
        status = server.expect_end()
        lab.expect(status == 0, f"status {status}")
        left = [pid for pid in workers if proc.state(pid) not in ("Z", None)]
        lab.expect(not left, f"{len(left)} workers still run after the parent has ended")
        client.expect_end()


@check("parent-killed", "the workers end if the parent is killed", hint="orphans", needs=["stop"], points=2)
def parent_killed(lab):
    server = started(lab, 3)
    workers = running(server)
    server.send_signal(signal.SIGKILL)
    lab.eventually("the workers have ended", lambda: all(proc.state(pid) in ("Z", None) for pid in workers))


@check("usage", "a missing or a wrong argument is refused", hint="usage")
def usage(lab):
    for arguments in ([], ["0"], ["0", "0"], ["0", "many"], ["70000", "2"]):
        ended = lab.run("prefork_server", *arguments)
        lab.expect(ended.process.returncode != 0 and ended.errors(), f"status {ended.process.returncode} for {arguments}")


def time_to_live(lab):
    """Lets the workers become old enough, so that their death is no early one."""
    begin = time.monotonic()
    lab.eventually("the workers are a second old", lambda: time.monotonic() - begin > 1.1)


def masks_sigterm(pid):
    """True if a process blocks SIGTERM (proc(5), SigBlk)."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return any(line.startswith("SigBlk") and int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1 for line in file)
    except OSError:  # it has ended
        return False


@measure("greeted")
def greeted(lab):
    server = started(lab, 4)
    clients = [lab.connect(server) for _ in range(10)]
    time_to_live(lab)
    return sum(not is_silent(client, 0.1) for client in clients)


@measure("connected")
def connected(lab):
    server = started(lab, 4)
    return len([lab.connect(server) for _ in range(10)])


@measure("uneven")
def uneven(lab):
    server, served = started(lab, 4), collections.Counter()
    for _ in range(200):
        client, number, _ = welcomed(lab, server)
        client.send("exit\n")
        client.expect_end()
        served[number] += 1
    return max(served.values()) / 50
