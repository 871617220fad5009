// The table of concurrency models. A model decides which threads and processes run sessions, and when.
//
// Each is one function in one file of server/models/, which names no service and parses no option.
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

/// Who calls accept(2), if the model leaves a choice (UNP vol. 1, chapter 30).
enum class accept_strategy {
    shared,          // every worker, on the shared listening socket
    file_lock,       // one worker at a time, by a lock on a file (fcntl(2))
    mutex,           // one worker at a time, by a mutex that survives its owner's death
    fd_passing,      // the parent, which passes the descriptor to a worker (SCM_RIGHTS, unix(7))
    reuseport,       // every worker, on a socket of its own at the same port (SO_REUSEPORT, socket(7))
    main_thread,     // the main thread, which hands connections over
    epoll_exclusive, // every loop watches the shared socket, the kernel wakes one (EPOLLEXCLUSIVE)
};

/// Returns the name that --accept takes.
std::string_view name_of(accept_strategy value);

/// What workers are, if the model leaves a choice.
enum class worker_kind { threads, processes };

/// The options of all models. Each model uses those that apply to it.
struct model_options {
    int workers;                            // processes, threads or loops; of a growing pool, at the start
    int threads;                            // in each process of hybrid; for the CPU-bound work of coroutine
    int min_spare, max_spare, max_workers;  // limits of a growing process pool; 0: its size is fixed
    int max_connections_per_worker;         // a worker process is then replaced; 0: never
    int max_connections;                    // open at a time, of all workers together
    std::chrono::milliseconds idle_timeout; // connections without a completed request are closed; 0: never
    accept_strategy accept;
    worker_kind in;
    std::vector<std::string> command; // of exec
    scoreboard& board;                // has a slot for the highest possible number of workers
    ready_report& ready;              // called by the model, or by each of its workers, once it can serve
};

/// A row of the table: the model, what options it takes, and its place in the literature.
struct model {
    std::string_view name;
    std::string_view summary;
    /// Serves the clients of `listener`. Returns when shutdown was requested and all sessions have ended.
    /// Throws std::system_error if it cannot go on.
    void (*run)(listener& listener, const service& offered, const model_options& options);

    std::span<const accept_strategy> accepts; // values of --accept; the first is the default
    bool in_either = false;                   // takes --in processes, too
    int default_workers = 0;                  // 0: the number of usable CPUs
    bool workers_serve = false; // each of --workers serves at least one client: see --max-connections
    bool threads_serve = false; // and so does each of their --threads
    bool datagrams = false;     // serves udp: addresses only
    bool commands = false;      // runs a command instead of a service

    std::string_view file;            // in server/models/
    std::string_view topic;           // of the lecture notes
    std::string_view stevens;         // row of the table in UNP vol. 1, 30.2
    std::string_view muduo;           // scheme in muduo's table, or another server of this kind
    std::string_view when_not_to_use; // the same text as in the card of its file

    /// Returns why this system cannot run the model; empty if it can.
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
