// The table of models. --list and the table in README.md are made from it.
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
     .summary = "one client at a time; the others wait in the backlog",
     .run = iterative,
     .accepts = alone,
     .file = "iterative.cpp",
     .topic = "a welcome server on sockets",
     .stevens = "row 0, the baseline",
     .muduo = "scheme 0",
     .when_not_to_use = "one client may be slow, or two may come at once"},
    {.name = "fork",
     .summary = "a process per connection",
     .run = fork_per_connection,
     .accepts = accepts_main,
     .file = "fork_per_connection.cpp",
     .topic = "processes",
     .stevens = "row 1",
     .muduo = "scheme 1",
     .when_not_to_use = "many short connections; a parent with much memory, whose page tables fork must copy"},
    {.name = "prefork",
     .summary = "process pool, of fixed size or growing with the load",
     .run = prefork,
     .accepts = for_processes,
     .workers_serve = true,
     .file = "prefork.cpp",
     .topic = "pools of processes; locks between processes; pipes",
     .stevens = "rows 2 to 5",
     .muduo = "scheme 3; Apache prefork",
     .when_not_to_use = "clients that stay: as many idle ones as there are processes stop the service"},
    {.name = "thread",
     .summary = "a thread per connection",
     .run = thread_per_connection,
     .accepts = accepts_main,
     .file = "thread_per_connection.cpp",
     .topic = "threads; locks",
     .stevens = "row 6",
     .muduo = "scheme 2",
     .when_not_to_use = "thousands of idle clients; very short connections; code that crashes"},
    {.name = "pool",
     .summary = "thread pool, with a bounded queue or accepting threads",
     .run = thread_pool,
     .accepts = for_threads,
     .workers_serve = true,
     .file = "thread_pool.cpp",
     .topic = "queues; pools of threads; thread-local data",
     .stevens = "rows 7 and 8",
     .muduo = "scheme 4",
     .when_not_to_use = "clients that stay: as many idle ones as there are threads stop the service"},
    {.name = "hybrid",
     .summary = "processes x threads: --workers processes of --threads threads",
     .run = hybrid,
     .accepts = alone,
     .workers_serve = true,
     .threads_serve = true,
     .file = "hybrid.cpp",
     .topic = "processes and threads together",
     .stevens = "-",
     .muduo = "Apache worker",
     .when_not_to_use =
         "clients that stay: as many idle ones as there are threads stop the service; code that crashes"},
    {.name = "epoll",
     .summary = "reactor: one event loop on epoll",
     .run = epoll,
     .accepts = alone,
     .file = "epoll.cpp",
     .topic = "event loops",
     .stevens = "ch. 6, select and poll",
     .muduo = "scheme 5",
     .when_not_to_use = "calls that block, CPU-bound work: both stop all clients"},
    {.name = "loops",
     .summary = "multi-reactor: an event loop per core, in threads or processes (--in)",
     .run = loops,
     .accepts = for_loops,
     .in_either = true,
     .workers_serve = true,
     .file = "loops.cpp",
     .topic = "event loops on all cores",
     .stevens = "-",
     .muduo = "schemes 9 and 10; nginx",
     .when_not_to_use = "few, very unequal clients: one loop may be overloaded while another one is idle"},
    {.name = "loop-pool",
     .summary = "reactor + thread pool: one event loop, and threads for CPU-bound work",
     .run = loop_pool,
     .accepts = alone,
     .file = "loop_pool.cpp",
     .topic = "event loop and queue of tasks",
     .stevens = "-",
     .muduo = "scheme 8, in order",
     .when_not_to_use = "many small requests without work: the hand-over costs more than it gains"},
    {.name = "uring",
     .summary = "proactor: one event loop on io_uring",
     .run = uring,
     .accepts = alone,
     .file = "uring.cpp",
     .topic = "event loops by completion",
     .stevens = "-",
     .muduo = "-",
     .when_not_to_use = "calls that block, CPU-bound work: both stop all clients; systems that forbid io_uring",
     .obstacle = io_ring::obstacle},
    {.name = "coroutine",
     .summary = "reactor on Asio, a coroutine per connection; --workers loops in threads",
     .run = coroutine,
     .accepts = own_queues,
     .default_workers = 1,
     .workers_serve = true,
     .file = "coroutine.cpp",
     .topic = "coroutines",
     .stevens = "-",
     .muduo = "scheme 9; asyncio",
     .when_not_to_use = "calls that block: they stop all clients of the loop"},
    {.name = "datagram",
     .summary = "UDP: each datagram is a whole conversation (--listen udp:ADDRESS)",
     .run = datagram,
     .accepts = alone,
     .datagrams = true,
     .file = "datagram.cpp",
     .topic = "sockets without connections",
     .stevens = "ch. 8",
     .muduo = "-",
     .when_not_to_use = "replies larger than a packet; requests that must not be lost; CPU-bound work"},
    {.name = "exec",
     .summary = "a command per connection, as inetd does it (-- COMMAND ARGS)",
     .run = exec,
     .accepts = accepts_main,
     .commands = true,
     .file = "exec.cpp",
     .topic = "subprocesses",
     .stevens = "ch. 13, inetd",
     .muduo = "inetd, tcpserver; subprocess.Popen",
     .when_not_to_use = "many short connections; clients that are to share memory"},
};

} // namespace

std::span<const model> models() { return table; }

} // namespace parley
