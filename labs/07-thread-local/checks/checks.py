"""The checks of lab 7: the context of a request, in a map and in a thread_local variable. Each check tries both ways."""

import re
import statistics
import time

from lab_tool.checking import check, measure, proc

HINTS = {
    "no-context": {
        "en": "The greeting is wrong, although there is only one client: the context is not set, or not that of this thread.",
        "zh": "只有一个客户，问候却不对：上下文没有设置，或者不是这个线程的。",
        "read": "the handout, step 1; common/session/request_context.hpp",
    },
    "shared-context": {
        "en": "Two threads use the same context: one client is greeted with data of another one. A static or global variable exists once "
              "for all threads.",
        "zh": "两个线程用了同一个上下文：一个客户的问候里出现了另一个客户的数据。静态变量或全局变量对所有线程只有一份。",
        "read": "the handout, steps 1 and 3; std::thread, thread_local",
    },
    "not-reset": {
        "en": "A client inherits the title, or the count of requests, of the client that this thread served before. A thread lives longer than "
              "a client: begin_client must make everything new.",
        "zh": "客户继承了这个线程上一个客户的称谓或请求计数。线程比客户活得久：begin_client 必须把一切重新开始。",
        "read": "the handout, step 2",
    },
    "lost-context": {
        "en": "The context is lost between two requests of the same client: the title stays until the client leaves, and requests are counted.",
        "zh": "上下文在同一个客户的两个请求之间丢失了：称谓要保留到客户离开，请求要累计。",
        "read": "the handout, step 1",
    },
    "lock-held": {
        "en": "A thread keeps the lock of the map while it waits, and all others wait with it. Hold it only while the map is searched or changed.",
        "zh": "一个线程在等待时还拿着映射表的锁，其他线程都跟着等。只在查找或修改映射表时持有锁。",
        "read": "the handout, step 1; common/concurrency/locked.hpp",
    },
    "map-grows": {
        "en": "The contexts of threads that have ended stay in the map: it grows, and a new thread with the same id finds an old context. "
              "end_client must erase it.",
        "zh": "已经结束的线程的上下文还留在映射表里：它会不断增长，而且 id 相同的新线程会找到旧的上下文。end_client 必须删除它。",
        "read": "the handout, step 2; std::thread::id: it may be used again",
    },
}

WAYS = ("map", "local")
GREETING = re.compile(r"Hello, (.+) \(request (\d+), worker (\d+)\)")


def start(lab, way, threads=2):
    return lab.start_server("context_server", 0, threads, way)


def greeted(lab, client, line, expected_name, request):
    """Sends a line, and expects the greeting. Returns the worker's number."""
    client.send(line + "\n")
    return expect_greeting(lab, client, expected_name, request)


def expect_greeting(lab, client, expected_name, request):
    reply = client.receive_line()
    found = GREETING.fullmatch(reply)
    lab.expect(found and found[1] == expected_name and int(found[2]) == request,
               f"expected 'Hello, {expected_name} (request {request}, worker ...)', received {reply!r}")
    return int(found[3])


@check("greets", "a client is greeted, with both ways", hint="no-context")
def greets(lab):
    for way in WAYS:
        client = lab.connect(start(lab, way))
        worker = greeted(lab, client, "Ada", "Ada", 1)
        lab.expect(worker in (1, 2), f"worker {worker}, and there are workers 1 and 2")


@check("keeps", "requests are counted, and a title stays, until the client leaves", hint="lost-context", needs=["greets"], points=2)
def keeps(lab):
    for way in WAYS:
        client = lab.connect(start(lab, way))
        greeted(lab, client, "Ada", "Ada", 1)
        client.send("title Dr.\n")
        greeted(lab, client, "Grace", "Dr. Grace", 2)
        greeted(lab, client, "Barbara", "Dr. Barbara", 3)


@check("two-clients", "two clients at the same time have a context each", hint="shared-context", needs=["keeps"], points=3)
def two_clients(lab):
    for way in WAYS:
        server = start(lab, way)
        first, second = lab.connect(server), lab.connect(server)
        first.send("title Dr.\n")
        workers = {greeted(lab, first, "Ada", "Dr. Ada", 1), greeted(lab, second, "Grace", "Grace", 1)}
        lab.expect(len(workers) == 2, f"both clients have worker {workers}")
        greeted(lab, second, "Barbara", "Barbara", 2)
        greeted(lab, first, "Alan", "Dr. Alan", 2)


@check("slow", "a request that waits keeps its context", hint="shared-context", needs=["two-clients"], points=2)
def slow(lab):
    for way in WAYS:
        server = start(lab, way)
        first, second = lab.connect(server), lab.connect(server)
        greeted(lab, first, "Alan", "Alan", 1)
        greeted(lab, second, "Barbara", "Barbara", 1)
        first.send("slow Ada\n")
        first.wait_until_read()
        greeted(lab, second, "Grace", "Grace", 2)
        expect_greeting(lab, first, "Ada", 2)


@check("not-blocked", "a request that waits does not stop another client", hint="lock-held", needs=["slow"], points=2)
def not_blocked(lab):
    for way in WAYS:
        # A machine may stop for a second; a lock that is held stops the second client each time.
        counts = [slow_greetings_meanwhile(lab, way)]
        if counts[0] > 8:
            counts.append(slow_greetings_meanwhile(lab, way))
        lab.expect(min(counts) <= 8, f"{way}: until the second client had 10 greetings, the first one got {min(counts)}, of 200 ms each")


def slow_greetings_meanwhile(lab, way):
    """Returns how many slow greetings one client gets while another one gets ten quick ones."""
    server = start(lab, way)
    first, second = lab.connect(server), lab.connect(server)
    greeted(lab, second, "Barbara", "Barbara", 1)
    first.send("slow Ada\n" * 20)
    first.wait_until_read()
    for request in range(2, 12):
        greeted(lab, second, "Grace", "Grace", request)
    first.socket.settimeout(0.001)
    count = 0
    try:
        while count < 20:
            count += first.socket.recv(4096).count(b"\n")
    except TimeoutError:
        pass
    return count


@check("next-client", "the next client of a thread inherits nothing", hint="not-reset", needs=["keeps"], points=3)
def next_client(lab):
    for way in WAYS:
        server = start(lab, way, threads=1)
        for name in ("Ada", "Grace", "Barbara"):
            client = lab.connect(server)
            greeted(lab, client, name, name, 1)
            client.send("title Dr.\n")
            greeted(lab, client, name, f"Dr. {name}", 2)
            client.send("exit\n")
            client.expect_end()


@check("lost-client", "a client that resets its connection leaves nothing behind", hint="not-reset", needs=["next-client"])
def lost_client(lab):
    for way in WAYS:
        server = start(lab, way, threads=1)
        client = lab.connect(server)
        client.send("title Dr.\n")
        greeted(lab, client, "Ada", "Dr. Ada", 1)
        client.reset()
        greeted(lab, lab.connect(server), "Grace", "Grace", 1)


@check("map-is-small", "the map has no contexts of threads that have ended", hint="map-grows", needs=["next-client"], points=2)
def map_is_small(lab):
    server = start(lab, "map", threads=2)
    first, second = lab.connect(server), lab.connect(server)
    for client in (first, second):
        greeted(lab, client, "Ada", "Ada", 1)
    first.send("contexts\n")
    lab.expect(first.receive_line() == "2", "two clients are served, and the map does not have 2 contexts")
    second.send("exit\n")
    second.expect_end()
    for _ in range(12):  # enough for two threads of five clients to end
        client = lab.connect(server)
        greeted(lab, client, "Grace", "Grace", 1)
        client.send("exit\n")
        client.expect_end()
    lab.eventually("the map has one context again", lambda: count_of(first) == 1)


def count_of(client):
    client.send("contexts\n")
    return int(client.receive_line())


@check("many", "many clients at the same time are greeted rightly", hint="shared-context", needs=["two-clients"], points=2)
def many(lab):
    for way in WAYS:
        server = start(lab, way, threads=8)
        clients = [lab.connect(server) for _ in range(8)]
        for request in range(1, 40):
            for number, client in enumerate(clients):
                client.send(f"Ada {number}\n")
            for number, client in enumerate(clients):
                expect_greeting(lab, client, f"Ada {number}", request)


@measure("same-worker")
def same_worker(lab):
    server, workers = start(lab, "local"), []
    for _ in range(20):
        client = lab.connect(server)
        workers.append(greeted(lab, client, "Ada", "Ada", 1))
        client.send("exit\n")
        client.expect_end()
    return sum(one == next_one for one, next_one in zip(workers, workers[1:]))


@measure("threads")
def threads(lab):
    server = start(lab, "local", threads=4)
    greeted(lab, lab.connect(server), "Ada", "Ada", 1)
    return len(proc.threads(server.pid))


@measure("map-cost", limit=60)
def map_cost(lab):
    names = 2000

    def seconds(way):
        client = lab.connect(start(lab, way))
        begin = time.monotonic()
        client.send("Ada\n" * names)
        for _ in range(names):
            client.receive_line()
        return time.monotonic() - begin

    return statistics.median(seconds("map") / seconds("local") for _ in range(5))
