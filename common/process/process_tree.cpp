// One pass over /proc reads all parents, from which the tree follows.
#include "common/process/process_tree.hpp"

#include "common/process/procfs.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <iterator>
#include <string>
#include <system_error>
#include <time.h>
#include <unistd.h>

namespace parley {

namespace {

template <class Number>
std::optional<Number> leading_number(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    return number;
}

/// THREAD_SIZE of Linux on x86-64 and arm64.
constexpr long kernel_stack_kib = 16;

/// Returns the CPU time of the children that a process has waited for: cutime and cstime of /proc/PID/stat, in
/// ticks. Rounding down loses half a tick on average, which is added unless the value is 0.
std::chrono::nanoseconds cpu_of_reaped_children(const std::string& stat) {
    long user = 0, system = 0;
    const auto name_end = stat.rfind(')');
    if (name_end == stat.npos ||
        std::sscanf(stat.c_str() + name_end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %ld %ld",
                    &user, &system) != 2)
        return {};
    const auto half_ticks = 2 * (user + system) + (user > 0 ? 1 : 0) + (system > 0 ? 1 : 0);
    return std::chrono::nanoseconds{half_ticks * 1'000'000'000 / (2 * sysconf(_SC_CLK_TCK))};
}

std::vector<process_entry> all_processes() {
    std::vector<process_entry> processes;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc", error}) {
        const auto name = entry.path().filename().string();
        if (!leading_number<pid_t>(name)) continue;
        if (const auto process = parse_stat(read_file("/proc/" + name + "/stat")))
            processes.push_back(*process);
    }
    return processes;
}

} // namespace

std::optional<process_entry> parse_stat(std::string_view text) {
    // "PID (NAME) STATE PARENT ..."; NAME may contain blanks and parentheses.
    const auto pid = leading_number<pid_t>(text);
    const auto after_name = text.rfind(") ");
    if (!pid || after_name == text.npos || after_name + 3 >= text.size()) return std::nullopt;
    const auto parent = leading_number<pid_t>(text.substr(after_name + 3));
    if (!parent) return std::nullopt;
    return process_entry{*pid, *parent};
}

std::vector<pid_t> tree_of(pid_t root, std::vector<process_entry> processes) {
    std::vector<pid_t> tree{root};
    for (std::size_t next = 0; next != tree.size(); ++next) {
        const auto is_child = [parent = tree[next]](const auto& process) { return process.parent == parent; };
        const auto children = std::stable_partition(processes.begin(), processes.end(), std::not_fn(is_child));
        std::transform(children, processes.end(), std::back_inserter(tree),
                       [](const auto& child) { return child.pid; });
        processes.erase(children, processes.end());
    }
    return tree;
}

std::vector<pid_t> processes_of_tree(pid_t root) { return tree_of(root, all_processes()); }

std::vector<pid_t> adopted_children(std::span<const pid_t> known) {
    std::vector<pid_t> adopted;
    for (const auto& process : all_processes())
        if (process.parent == getpid() && std::ranges::find(known, process.pid) == known.end())
            adopted.push_back(process.pid);
    return adopted;
}

void add_process(tree_memory& sum, std::string_view smaps_rollup, std::string_view status) {
    const auto kib = [](std::string_view text, std::string_view key) {
        return leading_number<long>(field_of(text, key)).value_or(0);
    };
    const auto pss = kib(smaps_rollup, "Pss");
    if (pss == 0 || status.empty()) return;
    sum.pss_kib += pss;
    sum.data_kib += kib(smaps_rollup, "Pss_Anon") + kib(smaps_rollup, "Pss_Shmem");
    sum.text_kib = std::max(sum.text_kib, kib(status, "RssFile"));
    sum.page_tables_kib += kib(status, "VmPTE");
    sum.stacks_kib += kernel_stack_kib * kib(status, "Threads");
    ++sum.processes;
}

tree_memory memory_of(std::span<const pid_t> processes) {
    tree_memory sum;
    for (const auto pid : processes)
        add_process(sum, read_file(fmt::format("/proc/{}/smaps_rollup", pid)),
                    read_file(fmt::format("/proc/{}/status", pid)));
    return sum;
}

std::chrono::microseconds cpu_of(std::span<const pid_t> processes) {
    std::chrono::nanoseconds sum{};
    for (const auto pid : processes) {
        clockid_t clock;
        timespec used{};
        if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) continue; // it has ended
        sum += std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec} +
               cpu_of_reaped_children(read_file(fmt::format("/proc/{}/stat", pid)));
    }
    return std::chrono::round<std::chrono::microseconds>(sum);
}

} // namespace parley
