// Finds and maps the shared memory of a server. The open files of a process are links in /proc/PID/fd
// (proc(5)); a file of memfd_create(2) appears there as /memfd:NAME.
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

/// Opens a memory file that the process has open. Throws std::runtime_error that names the process and the
/// reason.
unique_fd open_memory(pid_t process, std::string_view name) {
    const auto target = fmt::format("/memfd:{} (deleted)", name);
    std::error_code error, link_error;
    for (const auto& entry : fs::directory_iterator{fmt::format("/proc/{}/fd", process), error}) {
        if (fs::read_symlink(entry, link_error) != target) continue;
        if (unique_fd file{open(entry.path().c_str(), O_RDONLY | O_CLOEXEC)}) return file;
    }
    if (error == std::errc::permission_denied)
        throw std::runtime_error(fmt::format(
            "not permitted to look into process {}: be root, or its user if it never was root", process));
    if (error) throw std::runtime_error(fmt::format("there is no process {}", process));
    throw std::runtime_error(fmt::format("process {} is no parley-server", process));
}

/// True if the process is in our pid namespace: the pids in its memory mean other processes elsewhere
/// (pid_namespaces(7)).
bool shares_pid_namespace(pid_t process) {
    std::error_code error;
    const auto own_namespace = fs::read_symlink("/proc/self/ns/pid", error);
    const auto other_namespace = fs::read_symlink(fmt::format("/proc/{}/ns/pid", process), error);
    return own_namespace == other_namespace;
}

/// Throws std::runtime_error if the memory of the server cannot be interpreted by this program.
void check_facts(const server_facts& facts, pid_t process) {
    const auto layout = facts.layout.load(std::memory_order_acquire);
    const auto* const problem = layout == 0                              ? "does not listen yet"
                                : layout != server_facts::current_layout ? "is of another version of parley"
                                : !shares_pid_namespace(process) ? "is in a container: look from inside it"
                                                                 : nullptr;
    if (problem) throw std::runtime_error(fmt::format("server {} {}", process, problem));
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream rest{text};
    for (std::string line; std::getline(rest, line);) lines.push_back(line);
    return lines;
}

/// Returns the time since a moment in ms of CLOCK_MONOTONIC; at least 0.
milliseconds elapsed(std::int64_t since, std::chrono::steady_clock::time_point now) {
    return milliseconds{std::max<std::int64_t>(in_milliseconds(now) - since, 0)};
}

} // namespace

std::size_t scoreboard_snapshot::count(activity activity) const {
    return static_cast<std::size_t>(std::ranges::count(workers, activity, &worker_snapshot::now));
}

scoreboard_view::scoreboard_view(pid_t process)
    : facts_{open_memory(process, scoreboard::facts_name), scoreboard::facts_name},
      slots_{open_memory(process, scoreboard::slots_name), scoreboard::slots_name} {
    check_facts(*facts_, process);
    server_ = {facts_->process, facts_->version.get(), facts_->model.get(), facts_->service.get(),
               lines_of(facts_->addresses.get())};
    pidfd_ = open_process(server_.process);
}

bool scoreboard_view::has_ended() const {
    pollfd end{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    return poll(&end, 1, 0) != 0;
}

std::optional<scoreboard_snapshot> scoreboard_view::take_snapshot() {
    if (has_ended()) return std::nullopt;
    scoreboard_snapshot snapshot;
    snapshot.at = std::chrono::steady_clock::now();
    snapshot.uptime = elapsed(facts_->start_time, snapshot.at);
    if (const auto time = facts_->stop_requested.load()) snapshot.stopping = elapsed(time, snapshot.at);
    const auto slots = static_cast<int>(std::min<std::size_t>(slots_.used_count(), facts_->slots));
    auto living_process =
        server_.process; // threads of one process have neighbouring slots: one kill(2) checks them all
    for (int number = 1; number <= slots; ++number) {
        auto& worker = snapshot.workers.emplace_back(read_worker(number, snapshot));
        if (!worker.in_use() || worker.process == living_process) continue;
        if (process_exists(worker.process))
            living_process = worker.process;
        else
            worker.mark_free();
    }
    while (!snapshot.workers.empty() && snapshot.workers.back().process == 0) snapshot.workers.pop_back();
    for (const auto& worker : snapshot.workers) {
        snapshot.all.add(worker.counted);
        snapshot.open += worker.open;
    }
    // A child that is reaped during the sum is missed in it; the next sum contains its time as that of its
    // parent.
    cpu_time_ = std::max(cpu_time_, total_cpu_time(snapshot.workers));
    snapshot.cpu_time = cpu_time_;
    return snapshot;
}

worker_snapshot scoreboard_view::read_worker(int number, const scoreboard_snapshot& snapshot) const {
    const auto& slot = slots_[static_cast<std::size_t>(number) - 1];
    worker_snapshot worker;
    worker.number = number;
    worker.process = slot.process.get();
    worker.thread = slot.thread.get();
    worker.now = slot.now.get();
    worker.open = slot.open.get();
    worker.counted = {slot.connections.get(), slot.requests.get(), slot.bytes_in.get(), slot.bytes_out.get()};
    if (worker.counted.connections > 0) {
        worker.since = elapsed(slot.since.get(), snapshot.at);
        worker.peer = slot.peer.get();
    }
    if (std::ranges::find(all_activities, worker.now) == all_activities.end()) worker.mark_free();
    if (worker.now == activity::waiting && worker.open > 0)
        worker.now = activity::idle; // an event loop whose clients are silent
    if (snapshot.stopping && worker.open > 0) worker.now = activity::finishing;
    return worker;
}

milliseconds scoreboard_view::total_cpu_time(const std::vector<worker_snapshot>& workers) const {
    std::vector<pid_t> children;
    for (const auto& worker : workers)
        if (worker.in_use() && worker.process != server_.process) children.push_back(worker.process);
    std::sort(children.begin(), children.end());
    children.erase(std::unique(children.begin(), children.end()), children.end());
    auto sum = cpu_time_of(server_.process);
    for (const pid_t child : children) sum += cpu_time_of(child);
    return sum;
}

std::vector<pid_t> running_servers() {
    std::vector<pid_t> servers;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{"/proc", error}) {
        const auto name = entry.path().filename().string();
        pid_t process = 0;
        const auto [end, parse_error] = std::from_chars(name.data(), name.data() + name.size(), process);
        if (parse_error != std::errc{} || end != name.data() + name.size()) continue;
        struct stat owner {};
        if (stat(entry.path().c_str(), &owner) != 0 || owner.st_uid != geteuid()) continue;
        try {
            const shared_view<server_facts> facts{open_memory(process, scoreboard::facts_name),
                                                  scoreboard::facts_name};
            check_facts(*facts, process);
            if (facts->process == process) servers.push_back(process); // not a child of the server
        } catch (const std::exception&) {                              // no server, or it has ended
        }
    }
    std::ranges::sort(servers);
    return servers;
}

} // namespace parley
