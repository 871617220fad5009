// Distributes the tasks, one per worker at a time, in a loop over poll(2).
#include "common/multiprocessing/process_pool.hpp"

#include "common/check.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Returns the reply to a task: [true, RESULT] or [false, TEXT OF THE EXCEPTION].
std::string reply_to(const task_table& tasks, std::string_view message) {
    const auto failure = [](const std::string& text) { return to_bytes(nlohmann::json::array({false, text})); };
    try {
        const auto call = from_cbor_bytes(message);
        auto reply = to_bytes(nlohmann::json::array({true, tasks.call(call.at(0), call.at(1))}));
        if (reply.size() <= message_channel::max_message) return reply;
        return failure("its result is too long: " + std::to_string(reply.size()) + " bytes");
    } catch (const std::exception& error) {
        return failure(error.what());
    } catch (...) {
        return failure("an exception that is no std::exception");
    }
}

void run_worker(const task_table& tasks, message_channel& channel) {
    while (const auto message = channel.receive(std::nullopt).value) {
        const auto reply = reply_to(tasks, *message);
        // What the task has written shall appear before its result, even if the worker is terminated.
        std::cout.flush();
        std::fflush(nullptr);
        if (!channel.send(reply)) return;
    }
}

} // namespace

process_pool::process_pool(task_table tasks, int workers) : tasks_{std::move(tasks)}, owner_{getpid()} {
    if (workers < 1) throw std::invalid_argument("a process pool needs at least one worker");
    workers_.resize(static_cast<std::size_t>(workers));
    for (auto& worker : workers_) start(worker);
}

void process_pool::start(pool_worker& worker) {
    auto channels = make_message_channels();
    const auto number = &worker - workers_.data() + 1;
    parley::process process{"worker " + std::to_string(number), [&] {
                                // Or the other workers would not see the end of their input.
                                for (auto& other : workers_) other.channel.close();
                                channels.first.close();
                                run_worker(tasks_, channels.second);
                            }};
    process.start();
    worker.process.emplace(std::move(process));
    worker.channel = std::move(channels.first);
}

void process_pool::start_missing_workers() {
    for (auto& worker : workers_) {
        if (worker.process) continue;
        try {
            start(worker);
        } catch (const std::system_error&) { // too many processes, for now: the other workers continue
            if (std::ranges::none_of(workers_, [](const auto& other) { return other.process.has_value(); }))
                throw;
        }
    }
}

process_pool::task_id process_pool::submit(const std::string& name, nlohmann::json arguments) {
    require_owner();
    if (is_closed_) throw std::logic_error("the pool is closed, so it takes no task " + name);
    auto message = to_bytes(nlohmann::json::array({name, std::move(arguments)}));
    if (message.size() > message_channel::max_message)
        throw std::length_error("the arguments of task " + name +
                                " are too long: " + std::to_string(message.size()) + " bytes");
    const auto id = next_id_++;
    pending_.emplace(id, pool_task{.name = name, .message = std::move(message)});
    waiting_.push_back(id);
    ++unfinished_;
    dispatch();
    return id;
}

void process_pool::dispatch() {
    wait_for_events(steady_clock::now()); // results that have arrived make workers idle
    start_missing_workers();
    for (auto& worker : workers_) {
        if (waiting_.empty()) return;
        if (!worker.process || worker.current) continue;
        auto& task = pending_.at(waiting_.front());
        // It waits only while the worker reads. If the worker has died, it cannot have begun the task.
        if (!worker.channel.send(task.message)) {
            replace(worker);
            continue;
        }
        task.message = {};
        worker.current = waiting_.front();
        waiting_.pop_front();
    }
}

bool process_pool::run_until(const std::function<bool()>& is_done, std::optional<milliseconds> limit) {
    require_owner();
    std::optional<steady_clock::time_point> deadline;
    if (limit) deadline = steady_clock::now() + *limit;
    for (bool has_time = true; has_time;) {
        dispatch();
        if (is_done()) return true;
        has_time = wait_for_events(deadline);
    }
    return is_done();
}

/// Returns false if there was none before the deadline.
bool process_pool::wait_for_events(std::optional<steady_clock::time_point> deadline) {
    std::vector<pollfd> events;
    for (const auto& worker : workers_) {
        events.push_back({.fd = worker.channel.descriptor(), .events = POLLIN, .revents = 0});
        events.push_back(
            {.fd = worker.process ? worker.process->descriptor() : -1, .events = POLLIN, .revents = 0});
    }
    const auto count = check("poll", [&] {
        const auto left =
            deadline ? std::chrono::ceil<milliseconds>(*deadline - steady_clock::now()).count() : -1;
        return poll(events.data(), events.size(),
                    deadline ? static_cast<int>(std::clamp<long>(left, 0, 1'000'000'000)) : -1);
    });
    if (count == 0) return false;
    for (std::size_t i = 0; i != workers_.size(); ++i)
        if (events[2 * i].revents != 0 || events[2 * i + 1].revents != 0)
            handle_events(workers_[i], events[2 * i + 1].revents != 0);
    return true;
}

/// A callback of an earlier event may have used the pool. So there may be no event any more, or another worker.
void process_pool::handle_events(pool_worker& worker, bool may_have_ended) {
    if (!worker.process) return;
    const bool has_ended = may_have_ended && !worker.process->is_running();
    auto message = worker.channel.receive(milliseconds{0}); // a result may have arrived before the end
    if (message.value) {
        auto reply = from_cbor_bytes(*message.value);
        const auto id = std::exchange(worker.current, std::nullopt).value();
        if (reply.at(0).get<bool>())
            complete(id, {.value = std::move(reply.at(1)), .error = std::nullopt});
        else
            complete(id, {.value = nullptr,
                          .error = task_error{pending_.at(id).name, reply.at(1).get<std::string>()}});
    } else if (has_ended || message.status == receive_status::end_of_input) {
        replace(worker);
    }
}

/// Removes a worker that has ended, which fails its task. dispatch() starts another one.
void process_pool::replace(pool_worker& worker) {
    // It has closed its socket, which it does when it exits. A task that has closed it by mistake does not
    // exit.
    if (!worker.process->join(process::kill_delay)) {
        worker.process->kill();
        worker.process->join();
    }
    const auto end = worker.process->end()->to_string();
    const auto pid = worker.process->pid();
    worker.process.reset();
    worker.channel.close();
    worker.channel = {};
    if (const auto id = std::exchange(worker.current, std::nullopt))
        complete(*id, {.value = nullptr,
                       .error = task_error{pending_.at(*id).name,
                                           "its worker (pid " + std::to_string(pid) + ") has ended: " + end}});
}

void process_pool::complete(task_id id, task_outcome result) {
    auto& task = pending_.at(id);
    const auto callback = std::move(task.on_completion);
    --unfinished_;
    if (task.has_reader)
        task.result = callback ? result : std::move(result);
    else
        pending_.erase(id);
    if (callback) callback(result); // last, since it may use the pool
}

const process_pool::task_outcome* process_pool::wait_for(task_id id, std::optional<milliseconds> limit) {
    auto& result = pending_.at(id).result; // the elements of a map do not move
    if (!result && !run_until([&] { return result.has_value(); }, limit)) return nullptr;
    return &*result;
}

void process_pool::when_complete(task_id id, std::function<void(const task_outcome&)> callback) {
    auto& task = pending_.at(id);
    if (task.result)
        callback(*task.result);
    else
        task.on_completion = std::move(callback);
}

void process_pool::drop(task_id id) {
    auto& task = pending_.at(id);
    if (task.result)
        pending_.erase(id);
    else
        task.has_reader = false;
}

void process_pool::join() {
    if (!is_closed_) throw std::logic_error("close() or terminate() the pool before join()");
    run_until([&] { return unfinished_ == 0; }, std::nullopt);
    // Not only closed: a process that was forked later may have a copy of the descriptor.
    for (auto& worker : workers_)
        if (worker.process) worker.channel.shutdown_write();
    for (auto& worker : workers_) {
        if (worker.process) worker.process->join();
        worker.process.reset();
        worker.channel.close();
    }
}

void process_pool::terminate() {
    is_closed_ = true;
    if (getpid() != owner_) return;
    for (auto& worker : workers_)
        if (worker.process) worker.process->terminate();
    for (auto& worker : workers_) {
        worker.process.reset(); // waits, and kills it if it ignores SIGTERM
        worker.channel.close();
        worker.current.reset();
    }
    waiting_.clear();
    unfinished_ = 0;
    for (auto task = pending_.begin(); task != pending_.end();) {
        auto& [name, message, result, on_completion, has_reader] = task->second;
        if (!result)
            result = task_outcome{.value = nullptr, .error = task_error{name, "the pool was terminated"}};
        task = has_reader ? std::next(task) : pending_.erase(task);
    }
}

std::vector<pid_t> process_pool::workers() const {
    std::vector<pid_t> pids;
    for (const auto& worker : workers_)
        if (worker.process) pids.push_back(worker.process->pid());
    return pids;
}

void process_pool::require_owner() const {
    if (getpid() != owner_)
        throw std::logic_error("a process pool can be used only by the process that made it");
}

} // namespace parley
