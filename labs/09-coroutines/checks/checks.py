"""The checks of lab 9: a generator, a session without I/O, and an event loop of coroutines."""

import select
import time

from lab_tool.checking import check, measure, proc

HINTS = {
    "no-generator": {
        "en": "next() must resume the coroutine up to its next co_yield, and return the value that yield_value() has stored in the promise. After "
              "the last one it returns nullopt, again and again.",
        "zh": "next() 必须让协程运行到下一个 co_yield，并返回 yield_value() 存放在 promise 里的值。最后一个值之后总是返回 nullopt。",
        "read": "the handout, step 1; labs/examples/interleaved.cpp",
    },
    "eager": {
        "en": "The generator runs before its caller asks for a value. initial_suspend() must suspend, and next() must resume once, not one value ahead.",
        "zh": "调用者还没有要值，生成器就运行了。initial_suspend() 必须挂起，next() 只能恢复一次，不能提前算下一个值。",
        "read": "cppreference.com, Coroutines: Execution; common/coroutines/generator.hpp",
    },
    "frame-leaks": {
        "en": "The frame of a coroutine is still there, with its parameters and variables. A coroutine that is suspended does not end by itself: its owner "
              "must call destroy() in the destructor. Then final_suspend() must suspend, or the frame is destroyed twice.",
        "zh": "协程的帧还在，它的参数和变量也在。挂起的协程不会自己结束：它的所有者必须在析构函数里调用 destroy()。那么 final_suspend() 必须挂起，"
              "否则帧会被销毁两次。",
        "read": "the handout, step 2; common/coroutines/generator.hpp, close()",
    },
    "exception-lost": {
        "en": "The exception stays in the coroutine. unhandled_exception() is called inside its handler: store std::current_exception() there, and rethrow it in next().",
        "zh": "异常留在了协程里。unhandled_exception() 在处理异常时被调用：在那里保存 std::current_exception()，在 next() 里重新抛出。",
        "read": "man of std::exception_ptr at cppreference.com; the handout, step 2",
    },
    "nothing-sent": {
        "en": "`co_yield` must return what the caller has sent. The value of the expression is what await_resume() of the awaiter returns: it needs the promise.",
        "zh": "co_yield 必须返回调用者发送的值。表达式的值就是等待体的 await_resume() 返回的值：它需要用到 promise。",
        "read": "the handout, step 3; labs/examples/producer_consumer.cpp",
    },
    "session": {
        "en": "The session reads a line, replies, and reads the next one, until the line is `exit` or read_line() returns nullopt.",
        "zh": "会话读一行，回复，再读下一行，直到这一行是 exit，或者 read_line() 返回 nullopt。",
        "read": "common/session/session.hpp; server/services/counter.cpp",
    },
    "dangling": {
        "en": "The session has kept a reference to something that ended while it was suspended. A line is valid until the next read: to remember "
              "it, copy it into a std::string. The text of a reply must be a named variable.",
        "zh": "会话保留了一个引用，而它指向的东西在会话挂起期间已经失效。一行只在下一次读之前有效：要记住它，就复制到 std::string 里。回复的文本必须是有名字的变量。",
        "read": "common/session/session.hpp, read_line() and reply()",
    },
    "waits": {
        "en": "The session must ask its driver for the pause: co_await parley::pause(). A session that sleeps itself stops the thread, with all its clients.",
        "zh": "会话必须请驱动来等待：co_await parley::pause()。会话自己睡眠会停住整个线程，以及它的所有客户。",
        "read": "common/session/session.hpp, pause()",
    },
    "bad-number": {
        "en": "`wait` without a number must throw std::invalid_argument out of the session: the driver decides what to do about it.",
        "zh": "wait 后面不是数字时，会话必须抛出 std::invalid_argument：怎么处理由驱动决定。",
        "read": "greeting.hpp in your folder; man of std::from_chars at cppreference.com",
    },
    "driver": {
        "en": "serve() must perform each step that session.next() returns: feed() what async_read_some has read (nothing at the end of input), write "
              "outputs, wait for delays; then it closes the connection.",
        "zh": "serve() 必须执行 session.next() 返回的每一步：把 async_read_some 读到的交给 feed()（输入结束时为空），写出回复，等待延迟；最后关闭连接。",
        "read": "the handout, step 5; common/session/blocking_driver.cpp",
    },
    "one-at-a-time": {
        "en": "The accepting coroutine waits until a client has left. co_await serve(...) runs it as a call; co_spawn runs it next to the caller.",
        "zh": "接受连接的协程要等客户离开。co_await serve(...) 相当于一次调用；co_spawn 才让它与调用者并行。",
        "read": "the handout, step 6; labs/examples/slow_server.hpp",
    },
    "blocking-call": {
        "en": "A call blocks the only thread of the loop: sleep_for, a read or a write without async_. All clients wait. In a coroutine each wait is a co_await: "
              "steady_timer for time, async_read_some and async_write for sockets.",
        "zh": "有一个调用阻塞了循环唯一的线程：sleep_for，或不带 async_ 的读写。所有客户都在等。在协程里，每一次等待都要用 co_await："
              "时间用 steady_timer，套接字用 async_read_some 和 async_write。",
        "read": "the handout, step 5; gdb -p PID, bt: in which call does it wait",
    },
    "threads": {
        "en": "The server uses more than one thread or process. This lab serves all clients in one.",
        "zh": "服务器使用了不止一个线程或进程。本实验用一个线程服务所有客户。",
        "read": "the handout, step 6",
    },
    "loop-ends": {
        "en": "An exception of one client's coroutine has ended the loop. The completion handler of co_spawn gets it: what the handler throws leaves "
              "io_context::run(). Report it there, and go on.",
        "zh": "一个客户的协程抛出的异常结束了整个循环。异常交给 co_spawn 的完成处理函数：它再抛出的东西会离开 io_context::run()。在那里报告，然后继续。",
        "read": "the handout, step 6; Asio's documentation of co_spawn",
    },
    "connection-kept": {
        "en": "A client has left, or its session has ended, and the connection is still open. The socket is closed by its destructor: the coroutine must end, also by an exception.",
        "zh": "客户已经离开，或者会话已经结束，连接却还开着。套接字由析构函数关闭：协程必须结束，抛出异常时也一样。",
        "read": "ls -l /proc/PID/fd",
    },
    "fetch": {
        "en": "A fetch connects, reads the welcome line, sends its request as a line, reads the line of the reply, and closes the connection.",
        "zh": "一次请求：建立连接，读欢迎行，把请求作为一行发送，读一行回复，关闭连接。",
        "read": "the handout, step 7; labs/examples/fetch_three.cpp",
    },
    "changed": {
        "en": "Something changed while the coroutine was suspended: a variable that coroutines share, or a reference to one that has ended. Take what "
              "you need before the co_await, as a copy.",
        "zh": "协程挂起期间有东西变了：协程共享的变量，或者指向已失效变量的引用。需要的东西要在 co_await 之前取出来，保存副本。",
        "read": "the handout, step 8",
    },
    "sequential": {
        "en": "Fewer than LIMIT requests run at a time: one coroutine waits for each fetch. Start several coroutines by co_spawn, then run the loop once.",
        "zh": "同时进行的请求少于 LIMIT：只有一个协程，逐个等待。用 co_spawn 启动几个协程，然后只运行一次循环。",
        "read": "the handout, step 8; labs/examples/fetch_three.cpp",
    },
    "unbounded": {
        "en": "More than LIMIT requests run at a time. co_spawn starts a coroutine at once, however many run already: start LIMIT workers, each of which "
              "takes the next request when it has a reply.",
        "zh": "同时进行的请求超过 LIMIT。co_spawn 总会启动协程，不管已有多少个：只启动 LIMIT 个工作协程，每个拿到回复后再取下一个请求。",
        "read": "common/coroutines/coroutine_pool.hpp; the handout, step 8",
    },
    "batches": {
        "en": "The next request begins only when all of the running ones have ended. A slow one then delays the others: begin the next as soon as one ends.",
        "zh": "要等正在进行的全部结束，下一个才开始。这样一个慢的会拖住其他的：只要有一个结束，就应该开始下一个。",
        "read": "the handout, step 8",
    },
    "order": {
        "en": "The replies must be printed in the order of the requests. They come in another order: each belongs into its own place of the result.",
        "zh": "回复必须按请求的顺序打印。它们到达的顺序不同：每个回复要放到结果中自己的位置。",
        "read": "the handout, step 8",
    },
    "failure-spreads": {
        "en": "A request that fails (a connection that ends early, or is refused) must cost only itself: catch its exception in the worker, and take the next request.",
        "zh": "一个请求失败（连接提前结束，或被拒绝）只能影响它自己：在工作协程里捕获异常，再取下一个请求。",
        "read": "the handout, step 8; asio::error::eof",
    },
}

GENERATORS = {
    "order": ["caller: has a generator", "generator: begins", "caller: has 1", "generator: continues", "caller: has 2", "generator: continues",
              "generator: ends", "caller: is at the end"],
    "close": ["never started: 0 alive", "1 4 9 closed early: 0 alive", "at its end: 0 alive", "4 moved: 0 alive"],
    "fail": ["1", "caught: no more cake", "at the end"],
    "send": [line for item in (1, 2, 3) for line in (f"[PRODUCER] Producing {item}...", f"[CONSUMER] Consuming {item}...",
                                                     f"[PRODUCER] Consumer returns: 200 OK for {item}")],
}


def expect_lines(lab, ended, expected):
    """Compares the output of a program with lines. Its own words say more if it has failed."""
    lines = ended.output().splitlines()
    if lines != expected:
        first = next((i for i, (line, wanted) in enumerate(zip(lines, expected)) if line != wanted), min(len(lines), len(expected)))
        lab.fail(f"line {first + 1} should be {(expected + ['the end'])[first]!r}, and is {(lines + ['the end'])[first]!r}"
                 + (f"; its standard error: {ended.errors()!r}" if ended.errors() else ""))


def show_generator(lab, name):
    expect_lines(lab, lab.run("generators", name), GENERATORS[name])


@check("yields", "a generator yields its values, and then ends", hint="no-generator", points=2)
def yields(lab):
    ended = lab.run("generators", "order")
    lines = [line for line in ended.output().splitlines() if line.startswith("caller: ") and line != "caller: has a generator"]
    lab.expect(lines == ["caller: has 1", "caller: has 2", "caller: is at the end"],
               f"the caller should have 1, then 2, then the end, and prints {lines}; standard error: {ended.errors()!r}")


@check("lazy", "a generator runs only when its caller asks for a value", hint="eager", needs=["yields"])
def lazy(lab):
    show_generator(lab, "order")


@check("closes", "a generator's variables are destroyed, wherever it is suspended", hint="frame-leaks", needs=["yields"], points=2)
def closes(lab):
    show_generator(lab, "close")


@check("throws", "an exception in a generator reaches the caller", hint="exception-lost", needs=["yields"])
def throws(lab):
    show_generator(lab, "fail")


@check("sends", "a generator is sent values: producer and consumer take turns", hint="nothing-sent", needs=["yields"], points=2)
def sends(lab):
    show_generator(lab, "send")


def run_session(lab, pieces, expected):
    ended = lab.run("sessions", *pieces)
    expect_lines(lab, ended, expected)
    return ended


@check("greets", "the session greets, line by line, however the input is split", hint="session", points=2)
def greets(lab):
    run_session(lab, ["Ada\nGra", "ce\nBarbara"],
                ['output "Welcome!\\n"', 'input  "Ada\\nGra"', 'output "Hello, Ada!\\n"', 'input  "ce\\nBarbara"', 'output "Hello, Grace!\\n"',
                 "input  ends", 'output "Hello, Barbara!\\n"', "end"])
    run_session(lab, ["exit\nAda\n"], ['output "Welcome!\\n"', 'input  "exit\\nAda\\n"', "end"])


@check("remembers", "the session remembers a name between two lines", hint="dangling", needs=["greets"], points=2)
def remembers(lab):
    run_session(lab, ["Grace\nAda\n", "Ada\n", "Bob\n"],
                ['output "Welcome!\\n"', 'input  "Grace\\nAda\\n"', 'output "Hello, Grace!\\n"', 'output "Hello, Ada!\\n"', 'input  "Ada\\n"',
                 'output "Hello again, Ada!\\n"', 'input  "Bob\\n"', 'output "Hello, Bob!\\n"', "input  ends", "end"])


@check("pauses", "the session asks for its pauses", hint="waits", needs=["greets"])
def pauses(lab):
    run_session(lab, ["wait 3600000\nAda\n"],
                ['output "Welcome!\\n"', 'input  "wait 3600000\\nAda\\n"', "delay  3600000 ms", 'output "waited 3600000 ms\\n"',
                 'output "Hello, Ada!\\n"', "input  ends", "end"])


@check("bad-number", "a wait without a number ends the session by an exception", hint="bad-number", needs=["pauses"])
def bad_number(lab):
    ended = run_session(lab, ["Ada\nwait x\nGrace\n"], ['output "Welcome!\\n"', 'input  "Ada\\nwait x\\nGrace\\n"', 'output "Hello, Ada!\\n"'])
    lab.expect(ended.process.returncode == 1, f"sessions ended with status {ended.process.returncode}")


def welcomed(lab, server):
    client = lab.connect(server)
    client.expect("Welcome!\n")
    return client


@check("serves", "the server performs the steps of a session", hint="driver", needs=["pauses"], points=2)
def serves(lab):
    client = welcomed(lab, lab.start_server("welcome_server", 0))
    client.send("Ada\n")
    client.expect("Hello, Ada!\n")
    client.send("wait 1\n")
    client.expect("waited 1 ms\n")
    client.send("Grace")
    client.shutdown_write()
    client.expect("Hello, Grace!\n")
    client.expect_end()


@check("at-once", "several clients are served in turns, in one thread", hint="one-at-a-time", needs=["serves"], points=2)
def at_once(lab):
    server = lab.start_server("welcome_server", 0)
    clients = [welcomed(lab, server) for _ in range(3)]
    for number, client in reversed(list(enumerate(clients))):
        client.send(f"Ada {number}\n")
        client.expect(f"Hello, Ada {number}!\n")
    lab.expect(len(server.threads()) == 1 and not server.children(),
               f"the server has {len(server.threads())} threads and {len(server.children())} child processes", "threads")


@check("not-blocked", "a client that waits stops no other", hint="blocking-call", needs=["at-once"], points=3)
def not_blocked(lab):
    server = lab.start_server("welcome_server", 0)
    other, waiting = welcomed(lab, server), welcomed(lab, server)
    waiting.send("wait 600000\n")
    waiting.wait_until_read()
    other.send("Ada\n")
    other.expect("Hello, Ada!\n")


@check("does-not-read", "a client that reads no reply stops no other", hint="blocking-call", needs=["at-once"], points=2)
def does_not_read(lab):
    server = lab.start_server("welcome_server", 0)
    other, silent = welcomed(lab, server), welcomed(lab, server)
    lab.step("sent names until the server reads no more, since its replies are not read")
    silent.socket.setblocking(False)
    names, deadline = ("A" * 1000 + "\n").encode() * 64, time.monotonic() + 15
    # All buffers are full when nothing can be sent although the server waits.
    while select.select([], [silent.socket], [], 0.2)[1] or proc.state(server.pid) == "R":
        try:
            silent.socket.send(names)
        except BlockingIOError:
            pass
        except OSError as error:
            lab.fail(f"the connection was lost: {error.strerror}", "driver")
        lab.expect(time.monotonic() < deadline, "the server reads on, and keeps replies that no client reads in its memory", "driver")
    other.send("Ada\n")
    other.expect("Hello, Ada!\n")


@check("session-fails", "a session that fails costs only its own client", hint="loop-ends", needs=["at-once"], points=3)
def session_fails(lab):
    server = lab.start_server("welcome_server", 0)
    other, failing = welcomed(lab, server), welcomed(lab, server)
    failing.send("wait x\n")
    with lab.hint("connection-kept"):
        failing.expect_end()
    for client in (other, welcomed(lab, server)):
        client.send("Ada\n")
        client.expect("Hello, Ada!\n")


@check("clients-leave", "clients that leave, also in mid-reply, leave nothing", hint="connection-kept", needs=["session-fails"])
def clients_leave(lab):
    server = lab.start_server("welcome_server", 0)
    welcomed(lab, server).close()
    lab.eventually("the server waits", lambda: proc.state(server.pid) == "S")
    for _ in range(20):
        client = welcomed(lab, server)
        client.send("Ada\nwait 10\nGrace\n")
        client.reset()
    lab.eventually("all connections are closed",
                   lambda: not proc.connections(server.port, in_state=proc.ESTABLISHED) and not proc.connections(server.port, in_state=proc.CLOSE_WAIT))
    client = welcomed(lab, server)
    client.send("Ada\n")
    client.expect("Hello, Ada!\n")


def reply_to(client, request):
    """Plays the server for one fetch: the welcome, its request, and a reply."""
    client.send("Welcome!\n")
    client.expect(f"{request}\n")
    client.send(f"Hello, {request}!\n")


@check("fetches", "fetch sends its requests one by one, and prints the replies", hint="fetch", points=2)
def fetches(lab):
    listener = lab.listen()
    fetch = lab.start("fetch", listener.port, 1, "Ada", "Grace")
    for request in ("Ada", "Grace"):
        client = listener.accept(fetch)
        reply_to(client, request)
        client.expect_end()
    lab.expect(fetch.expect_end() == 0, f"fetch ended with {fetch.ended_how()}")
    expect_lines(lab, fetch, ["Hello, Ada!", "Hello, Grace!"])


def accept_all(lab, listener, fetch, count, hint):
    """Accepts `count` connections, and returns them by their requests. The hint is for a connection that does not come."""
    waiting = {}
    for _ in range(count):
        with lab.hint(hint):
            client = listener.accept(fetch)
        client.send("Welcome!\n")
        request = client.receive_line()
        lab.expect(request not in waiting, f"two connections request {request!r}", "changed")
        waiting[request] = client
    return waiting


@check("limit", "at most LIMIT requests run at a time, and each one that ends makes room", hint="unbounded", needs=["fetches"], points=3)
def limit(lab):
    listener = lab.listen()
    requests = [f"Ada-{number}" for number in range(9)]
    fetch = lab.start("fetch", listener.port, 3, *requests)
    waiting = accept_all(lab, listener, fetch, 3, "sequential")
    for _ in range(6):
        lab.eventually("fetch waits", lambda: proc.state(fetch.pid) == "S")
        known = len(proc.connections(listener.port, in_state=proc.ESTABLISHED))
        lab.expect(known == 3, f"LIMIT is 3, and {known} connections are open")
        request, client = waiting.popitem()  # the last one: the others are slow
        client.send(f"Hello, {request}!\n")
        client.expect_end()
        client.socket.close()
        waiting.update(accept_all(lab, listener, fetch, 1, "batches"))
    for request, client in waiting.items():
        client.send(f"Hello, {request}!\n")
    lab.expect(fetch.expect_end() == 0, f"fetch ended with {fetch.ended_how()}")
    with lab.hint("order"):
        expect_lines(lab, fetch, [f"Hello, {request}!" for request in requests])


@check("fetch-fails", "a request that fails costs no other one", hint="failure-spreads", needs=["fetches"], points=2)
def fetch_fails(lab):
    listener = lab.listen()
    fetch = lab.start("fetch", listener.port, 1, "Ada", "Grace")
    listener.accept(fetch).close()
    reply_to(listener.accept(fetch), "Grace")
    status = fetch.expect_end()
    expect_lines(lab, fetch, ["failed", "Hello, Grace!"])
    lab.expect(status == 1, f"fetch ended with status {status}, although a request has failed")


def seconds(lab, limit, requests):
    server = lab.start_server("welcome_server", 0)
    begin = time.monotonic()
    lab.run("fetch", server.port, limit, *requests)
    taken = time.monotonic() - begin
    server.end()
    return taken


@measure("three")
def three(lab):
    return seconds(lab, 1, ["wait 100"] * 12) / seconds(lab, 3, ["wait 100"] * 12)


@measure("twelve")
def twelve(lab):
    return seconds(lab, 1, ["wait 100"] * 12) / seconds(lab, 12, ["wait 100"] * 12)


@measure("one-slow")
def one_slow(lab):
    requests = ["wait 400", *["wait 40"] * 11]
    return seconds(lab, 3, requests) / seconds(lab, 12, requests)


@measure("threads")
def threads(lab):
    server = lab.start_server("welcome_server", 0)
    for _ in range(200):
        client = welcomed(lab, server)
        client.send("wait 600000\n")
    return len(server.threads())
