#include "client/compare/host/syscall_count.hpp"

#include "common/process/process_tree.hpp"
#include "common/process/procfs.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace parley {

namespace {

constexpr auto tracefs = "/sys/kernel/tracing";

/// Returns the id of the tracepoint, or 0 if it cannot be read.
std::uint64_t tracepoint_below(const char* root) {
    const auto text = read_file(fmt::format("{}/events/raw_syscalls/sys_enter/id", root));
    return std::strtoull(text.c_str(), nullptr, 10);
}

/// Mounts tracefs in a mount namespace of a temporary thread (mount_namespaces(7)), if the machine has not
/// mounted it, and returns the id. Returns 0 if that is not permitted.
std::uint64_t tracepoint_by_private_mount() {
    std::uint64_t found = 0;
    std::jthread{[&] {
        if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            mount("tracefs", tracefs, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0)
            found = tracepoint_below(tracefs);
    }}.join();
    return found;
}

/// Returns the id of the tracepoint, which differs between kernels, or 0 if it is unknown.
std::uint64_t tracepoint() {
    for (const auto* root : {tracefs, "/sys/kernel/debug/tracing"})
        if (const auto found = tracepoint_below(root)) return found;
    return tracepoint_by_private_mount();
}

unique_fd counter_of(pid_t thread, std::uint64_t tracepoint) {
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.size = sizeof attributes;
    attributes.config = tracepoint;
    attributes.inherit = 1; // also counts future threads and children
    constexpr int any_processor = -1, no_group = -1;
    const auto fd =
        syscall(SYS_perf_event_open, &attributes, thread, any_processor, no_group, PERF_FLAG_FD_CLOEXEC);
    return unique_fd{static_cast<int>(fd)};
}

std::vector<pid_t> threads_of_tree(pid_t root) {
    std::vector<pid_t> threads;
    std::error_code error;
    for (const auto process : processes_of_tree(root))
        for (const auto& entry :
             std::filesystem::directory_iterator{fmt::format("/proc/{}/task", process), error})
            threads.push_back(std::atoi(entry.path().filename().c_str()));
    std::ranges::sort(threads);
    return threads;
}

} // namespace

/// A thread that started between the listing and perf_event_open(2) may be counted twice or not at all. If the
/// list of threads has changed, all counters are opened again.
syscall_count::syscall_count(pid_t root) {
    constexpr int most_attempts = 10; // a server that still starts threads then has no count
    static const auto id = tracepoint();
    if (id == 0) return;
    auto threads = threads_of_tree(root);
    for (int attempt = 0; !is_complete_ && attempt < most_attempts; ++attempt) {
        counters_.clear();
        for (const auto thread : threads) {
            auto counter = counter_of(thread, id);
            if (!counter && errno != ESRCH) return; // not permitted; ESRCH: the thread has just ended
            if (counter) counters_.push_back(std::move(counter));
        }
        auto now = threads_of_tree(root);
        is_complete_ = !counters_.empty() && now == threads;
        threads = std::move(now);
    }
}

std::optional<std::uint64_t> syscall_count::so_far() const {
    if (!is_complete_) return std::nullopt;
    std::uint64_t sum = 0;
    for (const auto& counter : counters_) {
        std::uint64_t count = 0;
        if (::read(counter.get(), &count, sizeof count) != sizeof count) return std::nullopt;
        sum += count;
    }
    return sum;
}

} // namespace parley
