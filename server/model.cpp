// The table of models, and where each stands in the books. --list and the README's table are made from it.
#include "server/model.hpp"

#include "server/loops/io_ring.hpp"

#include <array>

namespace parley {

std::string_view name_of(accept_strategy value) {
    switch (value) {
    case accept_strategy::shared: return "each";
    case accept_strategy::file_lock: return "file-lock";
    case accept_strategy::mutex: return "mutex";
    case accept_strategy::fd_passing: return "pass";
    case accept_strategy::reuseport: return "reuseport";
    case accept_strategy::main_thread: return "main";
    case accept_strategy::epoll_exclusive: return "exclusive";
    }
    return "?";
}

namespace {

using enum accept_strategy;
constexpr std::array alone{shared};
constexpr std::array accepts_main{main_thread};
constexpr std::array for_processes{shared, file_lock, mutex, fd_passing, reuseport};
constexpr std::array for_threads{main_thread, shared, mutex};
constexpr std::array for_loops{reuseport, epoll_exclusive};
constexpr std::array own_queues{reuseport};

constexpr model table[] = {
    {.name = "iterative",
     .summary = "one client at a time: the others wait at the door",
     .run = iterative,
     .accepts = alone,
     .file = "iterative.cpp",
     .topic = "a welcome server on sockets",
     .stevens = "row 0, the baseline",
     .muduo = "scheme 0",
     .wrong = "as soon as one client may be slow"},
    {.name = "fork",
     .summary = "a new process for each connection",
     .run = fork_per_connection,
     .accepts = accepts_main,
     .file = "fork_per_connection.cpp",
     .topic = "processes",
     .stevens = "row 1",
     .muduo = "scheme 1",
     .wrong = "many short connections; a parent with much memory"},
    {.name = "prefork",
     .summary = "a pool of processes, which may grow and shrink",
     .run = prefork,
     .accepts = for_processes,
     .workers_serve = true,
     .file = "prefork.cpp",
     .topic = "pools of processes; locks between processes; pipes",
     .stevens = "rows 2 to 5",
     .muduo = "scheme 3; Apache prefork",
     .wrong = "clients that stay: each takes a process"},
    {.name = "thread",
     .summary = "a new thread for each connection",
     .run = thread_per_connection,
     .accepts = accepts_main,
     .file = "thread_per_connection.cpp",
     .topic = "threads; locks",
     .stevens = "row 6",
     .muduo = "scheme 2",
     .wrong = "thousands of idle clients; code that crashes"},
    {.name = "pool",
     .summary = "a pool of threads, fed by a bounded queue or accepting by themselves",
     .run = thread_pool,
     .accepts = for_threads,
     .workers_serve = true,
     .file = "thread_pool.cpp",
     .topic = "queues; pools of threads; thread-local data",
     .stevens = "rows 7 and 8",
     .muduo = "scheme 4",
     .wrong = "clients that stay: each takes a thread"},
    {.name = "hybrid",
     .summary = "processes with threads in each: --workers times --threads",
     .run = hybrid,
     .accepts = alone,
     .workers_serve = true,
     .threads_serve = true,
     .file = "hybrid.cpp",
     .topic = "processes and threads together",
     .stevens = "-",
     .muduo = "Apache worker",
     .wrong = "clients that stay; code that crashes with many in one process"},
    {.name = "epoll",
     .summary = "one readiness loop by hand",
     .run = epoll,
     .accepts = alone,
     .file = "epoll.cpp",
     .topic = "event loops",
     .stevens = "ch. 6, select and poll",
     .muduo = "scheme 5",
     .wrong = "work for the processor; calls that block"},
    {.name = "loops",
     .summary = "a readiness loop per core, in threads or processes (--in)",
     .run = loops,
     .accepts = for_loops,
     .in_either = true,
     .workers_serve = true,
     .file = "loops.cpp",
     .topic = "event loops on all cores",
     .stevens = "-",
     .muduo = "schemes 9 and 10; nginx",
     .wrong = "few, very unequal clients"},
    {.name = "loop-pool",
     .summary = "one readiness loop, and a pool of threads for work",
     .run = loop_pool,
     .accepts = alone,
     .file = "loop_pool.cpp",
     .topic = "event loop and queue of tasks",
     .stevens = "-",
     .muduo = "scheme 8, in order",
     .wrong = "small requests without work"},
    {.name = "uring",
     .summary = "one completion loop on io_uring",
     .run = uring,
     .accepts = alone,
     .file = "uring.cpp",
     .topic = "event loops, the other way round",
     .stevens = "-",
     .muduo = "-",
     .wrong = "work for the processor; systems that forbid it",
     .obstacle = io_ring::obstacle},
    {.name = "coroutine",
     .summary = "Asio: each connection a coroutine; --workers loops, a thread each",
     .run = coroutine,
     .accepts = own_queues,
     .default_workers = 1,
     .workers_serve = true,
     .file = "coroutine.cpp",
     .topic = "coroutines",
     .stevens = "-",
     .muduo = "scheme 9; asyncio",
     .wrong = "calls that block"},
    {.name = "datagram",
     .summary = "UDP: each datagram is a whole conversation (--listen udp:ADDRESS)",
     .run = datagram,
     .accepts = alone,
     .datagrams = true,
     .file = "datagram.cpp",
     .topic = "sockets without connections",
     .stevens = "ch. 8",
     .muduo = "-",
     .wrong = "large answers; requests that must not be lost"},
    {.name = "exec",
     .summary = "a command for each connection, as inetd does it (-- COMMAND ARGS)",
     .run = exec,
     .accepts = accepts_main,
     .commands = true,
     .file = "exec.cpp",
     .topic = "subprocesses",
     .stevens = "ch. 13, inetd",
     .muduo = "inetd, tcpserver; subprocess.Popen",
     .wrong = "many short connections"},
};

} // namespace

std::span<const model> models() { return table; }

} // namespace parley
