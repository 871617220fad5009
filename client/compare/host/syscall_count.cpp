#include "client/compare/host/syscall_count.hpp"

#include "client/compare/host/process_tree.hpp"
#include "client/compare/host/procfs.hpp"

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

/// 0: it is not there.
std::uint64_t tracepoint_below(const char* root) {
    const auto text = read_file(fmt::format("{}/events/raw_syscalls/sys_enter/id", root));
    return std::strtoull(text.c_str(), nullptr, 10);
}

/// Where the machine has mounted no tracefs, it is mounted for a thread alone, and gone with that
/// (mount_namespaces(7)). 0: that is not allowed.
std::uint64_t tracepoint_seen_alone() {
    std::uint64_t found = 0;
    std::jthread{[&] {
        if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
            mount("tracefs", tracefs, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0)
            found = tracepoint_below(tracefs);
    }}.join();
    return found;
}

/// The tracepoint's number, which differs from kernel to kernel; 0: unknown.
std::uint64_t tracepoint() {
    for (const auto* root : {tracefs, "/sys/kernel/debug/tracing"})
        if (const auto found = tracepoint_below(root)) return found;
    return tracepoint_seen_alone();
}

unique_fd counter_of(pid_t thread, std::uint64_t what) {
    perf_event_attr wanted{};
    wanted.type = PERF_TYPE_TRACEPOINT;
    wanted.size = sizeof wanted;
    wanted.config = what;
    wanted.inherit = 1; // by the threads and children that it begins
    constexpr int any_processor = -1, no_group = -1;
    const auto made =
        syscall(SYS_perf_event_open, &wanted, thread, any_processor, no_group, PERF_FLAG_FD_CLOEXEC);
    return unique_fd{static_cast<int>(made)};
}

std::vector<pid_t> threads_of_tree(pid_t root) {
    std::vector<pid_t> all;
    std::error_code gone;
    for (const auto process : processes_of_tree(root))
        for (const auto& each :
             std::filesystem::directory_iterator{fmt::format("/proc/{}/task", process), gone})
            all.push_back(std::atoi(each.path().filename().c_str()));
    std::ranges::sort(all);
    return all;
}

} // namespace

/// A thread that began between the look and the counting may be counted twice, or not at all: then once more.
syscall_count::syscall_count(pid_t root) {
    constexpr int most_looks = 10;
    static const auto what = tracepoint();
    if (what == 0) return;
    auto threads = threads_of_tree(root);
    for (int looks = 0; !complete_ && looks < most_looks; ++looks) {
        counters_.clear();
        for (const auto each : threads) {
            auto counter = counter_of(each, what);
            if (!counter && errno != ESRCH) return; // not allowed; who has just ended is no matter
            if (counter) counters_.push_back(std::move(counter));
        }
        auto now = threads_of_tree(root);
        complete_ = !counters_.empty() && now == threads;
        threads = std::move(now);
    }
}

std::optional<std::uint64_t> syscall_count::so_far() const {
    if (!complete_) return std::nullopt;
    std::uint64_t all = 0;
    for (const auto& each : counters_) {
        std::uint64_t count = 0;
        if (::read(each.get(), &count, sizeof count) != sizeof count) return std::nullopt;
        all += count;
    }
    return all;
}

} // namespace parley
