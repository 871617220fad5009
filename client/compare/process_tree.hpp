// A server may be one process or a hundred: what it uses is the sum over its tree, read from /proc (proc(5)).
#pragma once

#include <optional>
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

/// The proportional set size in KiB, from /proc/PID/smaps_rollup: own pages, and of each shared page the part
/// that falls to one of those who map it. 0 where the text has none: the process has ended.
long parse_pss_kib(std::string_view text);

struct tree_memory {
    long pss_kib = 0;
    int processes = 0;
};

/// What the tree of `root` takes now. A process that ends meanwhile counts for nothing.
tree_memory memory_of_tree(pid_t root);

} // namespace parley
