// One pass over /proc finds the parents; the tree follows from them.
#include "client/compare/process_tree.hpp"

#include "client/compare/proc_text.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <iterator>
#include <string>
#include <system_error>

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

std::vector<process_entry> all_processes() {
    std::vector<process_entry> all;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc", gone}) {
        const auto name = entry.path().filename().string();
        if (!leading_number<pid_t>(name)) continue;
        if (const auto process = parse_stat(read_file("/proc/" + name + "/stat"))) all.push_back(*process);
    }
    return all;
}

} // namespace

std::optional<process_entry> parse_stat(std::string_view text) {
    // "PID (NAME) STATE PARENT ...", where the name may hold blanks and parentheses of its own.
    const auto pid = leading_number<pid_t>(text);
    const auto after_name = text.rfind(") ");
    if (!pid || after_name == text.npos || after_name + 3 >= text.size()) return std::nullopt;
    const auto parent = leading_number<pid_t>(text.substr(after_name + 3));
    if (!parent) return std::nullopt;
    return process_entry{*pid, *parent};
}

std::vector<pid_t> tree_of(pid_t root, std::vector<process_entry> all) {
    std::vector<pid_t> tree{root};
    for (std::size_t next = 0; next != tree.size(); ++next) {
        const auto is_child = [parent = tree[next]](const auto& process) { return process.parent == parent; };
        const auto children = std::stable_partition(all.begin(), all.end(), std::not_fn(is_child));
        std::transform(children, all.end(), std::back_inserter(tree),
                       [](const auto& child) { return child.pid; });
        all.erase(children, all.end());
    }
    return tree;
}

std::vector<pid_t> processes_of_tree(pid_t root) { return tree_of(root, all_processes()); }

long parse_pss_kib(std::string_view text) { return leading_number<long>(field_of(text, "Pss")).value_or(0); }

tree_memory memory_of_tree(pid_t root) {
    tree_memory sum;
    for (const auto pid : processes_of_tree(root)) {
        const auto kib = parse_pss_kib(read_file(fmt::format("/proc/{}/smaps_rollup", pid)));
        sum.pss_kib += kib;
        sum.processes += kib > 0 ? 1 : 0;
    }
    return sum;
}

} // namespace parley
