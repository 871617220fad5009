// A process's open files are links in /proc/PID/fd (proc(5)); those in memory are named /memfd:NAME.
#include "common/scoreboard/scoreboard_view.hpp"

#include "common/clock.hpp"
#include "common/process/process_usage.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>

namespace parley {

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

/// Opens a file in memory that the process has open. Throws std::runtime_error.
unique_fd open_memory(pid_t process, std::string_view name) {
    const auto wanted = fmt::format("/memfd:{} (deleted)", name);
    std::error_code problem, gone;
    for (const auto& each : fs::directory_iterator{fmt::format("/proc/{}/fd", process), problem}) {
        if (fs::read_symlink(each, gone) != wanted) continue;
        if (unique_fd file{open(each.path().c_str(), O_RDONLY | O_CLOEXEC)}) return file;
    }
    if (problem == std::errc::permission_denied)
        throw std::runtime_error(fmt::format(
            "not permitted to look into process {}: be root, or its user if it never was root", process));
    if (problem) throw std::runtime_error(fmt::format("there is no process {}", process));
    throw std::runtime_error(fmt::format("process {} is no parley-server", process));
}

/// Numbers of processes mean something in their own namespace only (pid_namespaces(7)).
bool shares_our_numbers(pid_t process) {
    std::error_code unknown;
    const auto ours = fs::read_symlink("/proc/self/ns/pid", unknown);
    const auto theirs = fs::read_symlink(fmt::format("/proc/{}/ns/pid", process), unknown);
    return ours == theirs;
}

/// Throws std::runtime_error where the server cannot be understood from here.
void check_facts(const server_facts& facts, pid_t process) {
    const auto layout = facts.layout.load(std::memory_order_acquire);
    const auto* const problem = layout == 0                          ? "does not listen yet"
                                : layout != server_facts::our_layout ? "is of another version of parley"
                                : !shares_our_numbers(process)       ? "is in a container: look from inside it"
                                                                     : nullptr;
    if (problem) throw std::runtime_error(fmt::format("server {} {}", process, problem));
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream rest{text};
    for (std::string line; std::getline(rest, line);) lines.push_back(line);
    return lines;
}

/// Since a moment that is noted in ms of CLOCK_MONOTONIC.
milliseconds elapsed(std::int64_t since, std::chrono::steady_clock::time_point now) {
    return milliseconds{std::max<std::int64_t>(in_milliseconds(now) - since, 0)};
}

} // namespace

std::size_t scoreboard_snapshot::count(activity what) const {
    return static_cast<std::size_t>(std::ranges::count(workers, what, &worker_snapshot::now));
}

scoreboard_view::scoreboard_view(pid_t process)
    : facts_{open_memory(process, scoreboard::facts_name), scoreboard::facts_name},
      slots_{open_memory(process, scoreboard::slots_name), scoreboard::slots_name} {
    check_facts(*facts_, process);
    server_ = {facts_->process, facts_->version.get(), facts_->model.get(), facts_->service.get(),
               lines_of(facts_->addresses.get())};
    end_ = open_process(server_.process);
}

bool scoreboard_view::has_ended() const {
    pollfd end{.fd = end_.get(), .events = POLLIN, .revents = 0};
    return poll(&end, 1, 0) != 0;
}

std::optional<scoreboard_snapshot> scoreboard_view::take_snapshot() {
    if (has_ended()) return std::nullopt;
    scoreboard_snapshot seen;
    seen.at = std::chrono::steady_clock::now();
    seen.uptime = elapsed(facts_->begun, seen.at);
    if (const auto when = facts_->stop_requested.load()) seen.stopping = elapsed(when, seen.at);
    const auto slots = static_cast<int>(std::min<std::size_t>(slots_.used_count(), facts_->slots));
    auto alive = server_.process;
    for (int number = 1; number <= slots; ++number) {
        auto& each = seen.workers.emplace_back(look_at(number, seen));
        if (!each.in_use() || each.process == alive) continue;
        if (process_exists(each.process))
            alive = each.process;
        else
            each.leave();
    }
    while (!seen.workers.empty() && seen.workers.back().process == 0) seen.workers.pop_back();
    for (const auto& each : seen.workers) {
        seen.all.add(each.counted);
        seen.open += each.open;
    }
    // A child that is reaped while we add up is missed: its time is with its parent the next time.
    processor_time_ = std::max(processor_time_, processor_time(seen.workers));
    seen.processor_time = processor_time_;
    return seen;
}

worker_snapshot scoreboard_view::look_at(int number, const scoreboard_snapshot& seen) const {
    const auto& from = slots_[static_cast<std::size_t>(number) - 1];
    worker_snapshot to;
    to.number = number;
    to.process = from.process.get();
    to.thread = from.thread.get();
    to.now = from.now.get();
    to.open = from.open.get();
    to.counted = {from.connections.get(), from.requests.get(), from.bytes_in.get(), from.bytes_out.get()};
    if (to.counted.connections > 0) {
        to.since = elapsed(from.since.get(), seen.at);
        to.peer = from.peer.get();
    }
    if (std::ranges::find(all_activities, to.now) == all_activities.end()) to.leave();
    if (to.now == activity::waiting && to.open > 0) to.now = activity::idle; // a loop with silent clients
    if (seen.stopping && to.open > 0) to.now = activity::finishing;
    return to;
}

milliseconds scoreboard_view::processor_time(const std::vector<worker_snapshot>& workers) const {
    std::vector<pid_t> children;
    for (const auto& each : workers)
        if (each.in_use() && each.process != server_.process) children.push_back(each.process);
    std::sort(children.begin(), children.end());
    children.erase(std::unique(children.begin(), children.end()), children.end());
    auto sum = cpu_time_of(server_.process);
    for (const pid_t each : children) sum += cpu_time_of(each);
    return sum;
}

std::vector<pid_t> running_servers() {
    std::vector<pid_t> found;
    std::error_code gone;
    for (const auto& each : fs::directory_iterator{"/proc", gone}) {
        const auto name = each.path().filename().string();
        pid_t process = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
        if (error != std::errc{} || end != name.data() + name.size()) continue;
        struct stat owner {};
        if (stat(each.path().c_str(), &owner) != 0 || owner.st_uid != geteuid()) continue;
        try {
            const shared_view<server_facts> facts{open_memory(process, scoreboard::facts_name),
                                                  scoreboard::facts_name};
            check_facts(*facts, process);
            if (facts->process == process) found.push_back(process); // not one of its children
        } catch (const std::exception&) {                            // no server, or gone
        }
    }
    std::ranges::sort(found);
    return found;
}

} // namespace parley
