// Concurrency models: who runs a conversation, and when. Each is one function in one file of server/models/,
// which names no service and parses no option. One table names them all.
#pragma once

#include "common/net/listener.hpp"
#include "common/process/ready_report.hpp"
#include "common/scoreboard/scoreboard.hpp"
#include "server/service.hpp"

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// Who calls accept(2), where a model leaves a choice.
enum class accept_strategy {
    shared,          // every worker, at the shared door
    file_lock,       // every worker in its turn, by a lock on a file (fcntl(2))
    mutex,           // every worker in its turn, by a mutex that survives its owner's death
    fd_passing,      // the parent, which passes the descriptor to a worker (SCM_RIGHTS, unix(7))
    reuseport,       // every worker, at a door of its own to the same port (SO_REUSEPORT, socket(7))
    main_thread,     // the main thread, which hands connections over
    epoll_exclusive, // every loop watches the shared door, the kernel wakes one (EPOLLEXCLUSIVE, epoll_ctl(2))
};
std::string_view name_of(accept_strategy value);

/// In what workers run, where a model leaves a choice.
enum class worker_kind { threads, processes };

/// What models are told. Each uses what concerns it.
struct model_options {
    int workers;                           // processes or threads of a pool, at the beginning
    int threads;                           // of each process of a hybrid; for the work of coroutines
    int min_spare, max_spare, max_workers; // a pool of processes that grows and shrinks; 0: it does not
    int max_connections_per_worker;        // then a process is replaced; 0: never
    int max_connections;                   // at a time, of all workers together
    std::chrono::milliseconds
        idle_timeout; // a client that completes no request for so long is let go; 0: never
    accept_strategy accept;
    worker_kind in;
    std::vector<std::string> command; // what exec runs
    scoreboard& board;                // a slot for every worker that there can be
    ready_report& ready;              // to be called by a model, or its workers, once it can serve
};

/// A row of the table: what runs, and where it stands in the books.
struct model {
    std::string_view name;
    std::string_view summary;
    /// Serves the clients that come to `listener` until a stop is requested and all conversations have ended.
    /// Throws std::system_error where it cannot go on.
    void (*run)(listener& listener, const service& offered, const model_options& options);

    std::span<const accept_strategy> accepts; // what --accept can be; the first is the default
    bool in_either = false;                   // --in threads or processes
    int default_workers = 0;                  // 0: as many as there are processors to use
    bool workers_serve = false;               // each of --workers takes a client, or several
    bool threads_serve = false;               // so does each of their --threads
    bool datagrams = false;                   // serves udp: addresses, and no others
    bool commands = false;                    // runs a command instead of a service

    std::string_view file;    // in server/models/
    std::string_view topic;   // of the lecture
    std::string_view stevens; // row of his table
    std::string_view muduo;   // scheme of its table, or another server that works so
    std::string_view wrong;   // when it is the wrong choice

    /// Why this system cannot run it; empty: it can.
    std::string (*obstacle)() = [] { return std::string{}; };
};

std::span<const model> models();

// The models, one file each in server/models/.
void iterative(listener& listener, const service& offered, const model_options& options);
void fork_per_connection(listener& listener, const service& offered, const model_options& options);
void prefork(listener& listener, const service& offered, const model_options& options);
void thread_per_connection(listener& listener, const service& offered, const model_options& options);
void thread_pool(listener& listener, const service& offered, const model_options& options);
void hybrid(listener& listener, const service& offered, const model_options& options);
void epoll(listener& listener, const service& offered, const model_options& options);
void loops(listener& listener, const service& offered, const model_options& options);
void loop_pool(listener& listener, const service& offered, const model_options& options);
void uring(listener& listener, const service& offered, const model_options& options);
void datagram(listener& listener, const service& offered, const model_options& options);
void exec(listener& listener, const service& offered, const model_options& options);
void coroutine(listener& listener, const service& offered, const model_options& options);

} // namespace parley
