// A pool of processes that work on tasks, as Python's multiprocessing.Pool. The tasks wait in the parent; each
// idle worker gets the oldest one. A worker that dies fails the task it had, and is replaced.
//
// The parent has no thread that distributes the tasks, since it must not fork while it has threads. It does so
// in each call to the pool: apply(), apply_async(), map(), get() and join(). While it does something else, each
// worker finishes the task that it has, and then waits.
#pragma once

#include "common/multiprocessing/message_channel.hpp"
#include "common/multiprocessing/process.hpp"
#include "common/multiprocessing/task_table.hpp"
#include "common/process/processors.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace parley {

/// A task has failed: it has thrown, its worker has died, or the pool was terminated.
class task_error : public std::runtime_error {
public:
    task_error(std::string task, std::string reason)
        : std::runtime_error("task " + task + ": " + reason),
          task_{std::move(task)},
          reason_{std::move(reason)} {}

    /// Returns the name of the task.
    [[nodiscard]] const std::string& task() const { return task_; }

    /// Returns the text of the exception, or how the worker ended.
    [[nodiscard]] const std::string& reason() const { return reason_; }

private:
    std::string task_, reason_;
};

template <class Result>
class task_result;

class process_pool {
public:
    /// Forks the workers, by default one per usable CPU. The calling process must have no other thread, now and
    /// when a worker is replaced. Throws std::invalid_argument if there are no workers, std::system_error.
    explicit process_pool(task_table tasks, int workers = usable_cpu_count());
    process_pool(const process_pool&) = delete;
    process_pool& operator=(const process_pool&) = delete;

    /// Terminates the workers.
    ~process_pool() { terminate(); }

    /// Calls `function` in a worker. The result may be dropped; the task is done nevertheless. Tasks start in
    /// the order of these calls. Throws std::invalid_argument if the function is not in the table,
    /// std::length_error if the arguments are longer than message_channel::max_message, std::logic_error after
    /// close() or in another process.
    template <class Result, class... Parameters, class... Arguments>
    task_result<Result> apply_async(Result (*function)(Parameters...), Arguments&&... arguments) {
        auto values = nlohmann::json::array({std::decay_t<Parameters>(std::forward<Arguments>(arguments))...});
        return {*this, submit(tasks_.name_of(function), std::move(values))};
    }

    /// Calls `function` in a worker and waits for its result. Throws task_error if the task fails, and as
    /// apply_async().
    template <class Result, class... Parameters, class... Arguments>
    Result apply(Result (*function)(Parameters...), Arguments&&... arguments) {
        return apply_async(function, std::forward<Arguments>(arguments)...).get();
    }

    /// Calls `function` for each argument and returns the results in the same order. Throws the task_error of
    /// the first task that failed; the others are done nevertheless.
    template <class Result, class Parameter>
    std::vector<Result> map(Result (*function)(Parameter),
                            const std::vector<std::decay_t<Parameter>>& arguments) {
        std::vector<task_result<Result>> pending;
        for (const auto& argument : arguments) pending.push_back(apply_async(function, argument));
        std::vector<Result> results;
        for (auto& result : pending) results.push_back(result.get());
        return results;
    }

    /// Refuses further tasks.
    void close() { is_closed_ = true; }

    /// Waits until all tasks are done and all workers have ended. Throws std::logic_error before close().
    void join();

    /// Terminates the workers at once. The tasks that are not done fail.
    void terminate();

    /// Returns the pids of the workers that run.
    [[nodiscard]] std::vector<pid_t> workers() const;

private:
    template <class Result>
    friend class task_result;

    using task_id = std::uint64_t;

    struct task_outcome {
        nlohmann::json value;
        std::optional<task_error> error;
    };

    struct pool_task {
        std::string name;
        std::string message;                                      // empty once a worker has it
        std::optional<task_outcome> result{};                     // when it is done
        std::function<void(const task_outcome&)> on_completion{}; // optional
        bool has_reader = true;                                   // false: the task_result was dropped
    };

    struct pool_worker {
        std::optional<parley::process> process; // nullopt: it must be started again
        message_channel channel;
        std::optional<task_id> current; // the task that it has
    };

    task_id submit(const std::string& name, nlohmann::json arguments);
    void start(pool_worker& worker);
    void start_missing_workers();
    void dispatch();
    bool wait_for_events(std::optional<std::chrono::steady_clock::time_point> deadline);
    void handle_events(pool_worker& worker, bool may_have_ended);
    void replace(pool_worker& worker);
    void complete(task_id id, task_outcome result);

    /// Runs the pool until `is_done()` is true. Returns false if that takes longer than `limit`.
    bool run_until(const std::function<bool()>& is_done, std::optional<std::chrono::milliseconds> limit);

    /// Returns the outcome of a task, or nullptr after `limit`.
    const task_outcome* wait_for(task_id id, std::optional<std::chrono::milliseconds> limit);
    void when_complete(task_id id, std::function<void(const task_outcome&)> callback);
    void drop(task_id id);
    void require_owner() const;

    task_table tasks_;
    pid_t owner_;
    std::vector<pool_worker> workers_;
    std::deque<task_id> waiting_;
    std::map<task_id, pool_task> pending_; // that are not done, or whose result may still be read
    std::size_t unfinished_ = 0;
    task_id next_id_ = 1;
    bool is_closed_ = false;
};

/// The result of a task, now or later. The pool must outlive it.
template <class Result>
class task_result {
public:
    task_result(task_result&& other) noexcept : pool_{std::exchange(other.pool_, nullptr)}, id_{other.id_} {}
    task_result& operator=(task_result&&) = delete;
    ~task_result() {
        if (pool_) pool_->drop(id_);
    }

    /// Waits for the result. Throws task_error if the task has failed.
    Result get() {
        const auto* outcome = wait(std::nullopt);
        if constexpr (!std::is_void_v<Result>) return outcome->value.template get<Result>();
    }

    /// What get() with a time limit returns.
    using timed_result = std::conditional_t<std::is_void_v<Result>, bool, std::optional<Result>>;

    /// Waits at most for `limit`. Returns nullopt (or false, if there is no value) if the task is not done by
    /// then. Throws task_error if the task has failed.
    [[nodiscard]] timed_result get(std::chrono::milliseconds limit) {
        const auto* outcome = wait(limit);
        if constexpr (std::is_void_v<Result>)
            return outcome != nullptr;
        else
            return outcome ? timed_result{outcome->value.template get<Result>()} : std::nullopt;
    }

    /// Calls `on_value(result)` when the task is done, or `on_error(task_error)` if it has failed: at once, or
    /// later in a call to the pool, in this process. Not if the pool is terminated.
    template <class OnValue>
    void then(OnValue on_value, std::function<void(const task_error&)> on_error = {}) {
        pool_->when_complete(id_, [on_value, on_error](const auto& outcome) {
            if (outcome.error) {
                if (on_error) on_error(*outcome.error);
            } else if constexpr (std::is_void_v<Result>) {
                on_value();
            } else {
                on_value(outcome.value.template get<Result>());
            }
        });
    }

private:
    friend class process_pool;
    task_result(process_pool& pool, process_pool::task_id id) : pool_{&pool}, id_{id} {}

    const process_pool::task_outcome* wait(std::optional<std::chrono::milliseconds> limit) {
        const auto* outcome = pool_->wait_for(id_, limit);
        if (outcome && outcome->error) throw *outcome->error;
        return outcome;
    }

    process_pool* pool_;
    process_pool::task_id id_;
};

} // namespace parley
