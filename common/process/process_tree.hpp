// Process trees and their resources, read from /proc (proc(5)). A server has one process or hundreds, and its
// use is the sum over its tree.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace parley {

struct process_entry {
    pid_t pid = 0;
    pid_t parent = 0;
};

/// Parses /proc/PID/stat. Returns nullopt if the text has another format.
std::optional<process_entry> parse_stat(std::string_view text);

/// Returns `root` and all its descendants from a list in any order.
std::vector<pid_t> tree_of(pid_t root, std::vector<process_entry> processes);

/// Returns `root` and its descendants among the processes that exist now.
std::vector<pid_t> processes_of_tree(pid_t root);

/// Returns the children of this process, without the `known` ones. If this process is a subreaper
/// (PR_SET_CHILD_SUBREAPER, prctl(2)), these include orphans of its programs, of any process group.
std::vector<pid_t> adopted_children(std::span<const pid_t> known);

/// Memory of processes in KiB. The proportional set size (PSS) divides a shared page among all processes that
/// map it, also unrelated ones. It does not include the memory that the kernel keeps for a process.
struct tree_memory {
    long pss_kib = 0;         // Pss: private pages, and a share of each shared page
    long data_kib = 0;        // Pss_Anon and Pss_Shmem: shared only within the tree
    long text_kib = 0;        // RssFile of the largest process: program and libraries, shared by all
    long page_tables_kib = 0; // VmPTE
    long stacks_kib = 0;      // kernel stack of each thread
    int processes = 0;

    /// Returns the sum without `pss_kib`, which overlaps with `data_kib` and `text_kib`.
    [[nodiscard]] long total_kib() const { return data_kib + text_kib + page_tables_kib + stacks_kib; }
};

/// Adds a process from its /proc/PID/smaps_rollup and /proc/PID/status. Adds nothing if a text is empty,
/// because the process has ended.
void add_process(tree_memory& sum, std::string_view smaps_rollup, std::string_view status);

tree_memory memory_of(std::span<const pid_t> processes);

/// Returns the CPU time of `processes` and of the children they have waited for. The kernel rounds the latter
/// down to ticks of 10 ms, separately for user and system (proc(5)), so half a tick is added to each.
std::chrono::microseconds cpu_of(std::span<const pid_t> processes);

} // namespace parley
