// A server may be one process or a hundred: what it uses is the sum over its tree, read from /proc (proc(5)).
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

/// Reads /proc/PID/stat. Nothing where the text is not of its form.
std::optional<process_entry> parse_stat(std::string_view text);

/// `root` and all that descend from it, out of a list in any order.
std::vector<pid_t> tree_of(pid_t root, std::vector<process_entry> all);

/// The same, of the processes that there are now.
std::vector<pid_t> processes_of_tree(pid_t root);

/// The children of this process, `known` ones left out. Once it is a subreaper (PR_SET_CHILD_SUBREAPER,
/// prctl(2)) these are what its programs started and left behind, whatever process group that is in.
std::vector<pid_t> adopted_children(std::span<const pid_t> known);

/// What processes take, in KiB. The proportional set size of a page that several processes map is shared out
/// among all of them, also among strangers; and no set size counts what the kernel keeps for a process.
struct tree_memory {
    long pss_kib = 0;         // Pss: own pages, and of each shared page its part
    long data_kib = 0;        // Pss_Anon and Pss_Shmem: shared within the tree only
    long text_kib = 0;        // RssFile of the largest process: the program's files, which all of them share
    long page_tables_kib = 0; // VmPTE
    long stacks_kib = 0;      // the kernel's stack of each thread
    int processes = 0;

    /// All but `pss_kib`, which counts in part what `data_kib` and `text_kib` count.
    [[nodiscard]] long total_kib() const { return data_kib + text_kib + page_tables_kib + stacks_kib; }
};

/// Adds one process, from its /proc/PID/smaps_rollup and /proc/PID/status. Nothing changes if a text is empty:
/// the process has ended.
void add_process(tree_memory& sum, std::string_view smaps_rollup, std::string_view status);

tree_memory memory_of(std::span<const pid_t> processes);

/// The processor time that `processes` have used so far, with that of the children they have waited for. The
/// latter is known to a hundredth of a second, user and system apart (proc(5)): half of that is added for each.
std::chrono::microseconds cpu_of(std::span<const pid_t> processes);

} // namespace parley
