// Starts and ends servers, and reads /proc.
#include "client/check/examined_server.hpp"

#include "common/check.hpp"
#include "common/process/process_tree.hpp"
#include "common/process/procfs.hpp"
#include "common/unique_fd.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace parley {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::uint16_t free_port() {
    const unique_fd probe{check("socket", [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    check("bind", [&] { return ::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), size); });
    check("getsockname",
          [&] { return getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &size); });
    return ntohs(address.sin_port);
}

void replace_all(std::string& text, std::string_view old_part, std::string_view new_part) {
    for (auto at = text.find(old_part); at != text.npos; at = text.find(old_part, at + new_part.size()))
        text.replace(at, old_part.size(), new_part);
}

std::vector<std::string> command_of(const server_start& start, std::uint16_t port) {
    std::vector<std::string> words;
    if (start.descriptor_limit || start.process_limit) { // setrlimit(2), then exec: prlimit(1)
        words.emplace_back("prlimit");
        if (start.descriptor_limit) words.push_back(fmt::format("--nofile={0}:{0}", *start.descriptor_limit));
        if (start.process_limit) words.push_back(fmt::format("--nproc={0}:{0}", *start.process_limit));
        words.emplace_back("--");
    }
    if (!start.environment.empty()) {
        words.emplace_back("env");
        words.insert(words.end(), start.environment.begin(), start.environment.end());
    }
    for (auto word : start.command) {
        replace_all(word, "{port}", std::to_string(port));
        replace_all(word, "{host}", start.host);
        words.push_back(std::move(word));
    }
    return words;
}

/// Returns the ports at which sockets of this network listen (state 0A in /proc/net/tcp).
std::vector<std::uint16_t> listening_ports() {
    std::vector<std::uint16_t> ports;
    for (const auto* file : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::istringstream lines{read_file(file)};
        for (std::string line; std::getline(lines, line);) {
            std::istringstream fields{line};
            std::string number, local, remote, state;
            if (!(fields >> number >> local >> remote >> state) || state != "0A") continue;
            const auto colon = local.rfind(':');
            std::uint16_t port = 0;
            std::from_chars(local.data() + colon + 1, local.data() + local.size(), port, 16);
            ports.push_back(port);
        }
    }
    return ports;
}

/// Returns the state letters of all threads of a process: R, S, D, T, Z.
std::string thread_states(pid_t pid) {
    std::string states;
    std::error_code ignored;
    for (const auto& thread : std::filesystem::directory_iterator{fmt::format("/proc/{}/task", pid), ignored}) {
        const auto stat = read_file(thread.path() / "stat");
        const auto name_end = stat.rfind(") ");
        if (name_end != stat.npos && name_end + 2 < stat.size()) states += stat[name_end + 2];
    }
    return states;
}

std::string first_lines(const std::string& text, int count) {
    std::istringstream lines{text};
    std::string found;
    for (std::string line; count > 0 && std::getline(lines, line); --count)
        found += (found.empty() ? "" : "; ") + line;
    return found;
}

/// Returns what explains best that nothing listens at the port.
std::string why_not_listening(std::uint16_t port) {
    const auto swapped = static_cast<std::uint16_t>(port << 8 | port >> 8);
    const auto ports = listening_ports();
    if (std::ranges::find(ports, swapped) != ports.end())
        return fmt::format("port {} listens instead, which are the bytes of {} in the wrong order: htons(3) is "
                           "missing",
                           swapped, port);
    if (!ports.empty())
        return fmt::format("port {} listens instead: the program ignores its argument", ports.front());
    return "no port listens";
}

} // namespace

examined_server::examined_server(const server_start& start) : port_{start.port ? start.port : free_port()} {
    program_.emplace(command_of(start, port_), subprocess::errors::kept);
    const auto deadline = steady_clock::now() + start_limit;
    while (!is_listening(port_)) {
        if (const auto ended = program_->wait(milliseconds{5}))
            throw start_failed(fmt::format("the server ended before it listened at port {}: {}; it said: {}",
                                           port_, ended->to_string(), last_words()));
        if (steady_clock::now() > deadline)
            throw start_failed(fmt::format("after {} s the server does not listen at port {}: {}",
                                           start_limit.count(), port_, why_not_listening(port_)));
    }
    const bool is_v6 = start.host.find(':') != std::string::npos;
    endpoint_ = address::resolve(is_v6 ? fmt::format("[{}]:{}", start.host, port_)
                                       : fmt::format("{}:{}", start.host, port_))
                    .front();
}

examined_server::~examined_server() {
    if (!program_) return;
    const auto group = program_->pid();
    program_.reset(); // kills the process group
    end_survivors();
    ::kill(-group, SIGKILL);
}

bool examined_server::is_running() { return !program_ || !program_->poll(); }

void examined_server::suspend() const {
    for (const auto pid : processes()) ::kill(pid, SIGSTOP);
}

void examined_server::resume() const {
    for (const auto pid : processes()) ::kill(pid, SIGCONT);
}

void examined_server::raise_priority() const {
    for (const auto pid : processes()) setpriority(PRIO_PROCESS, static_cast<id_t>(pid), -10);
}

std::optional<process_end> examined_server::end() { return program_ ? program_->poll() : std::nullopt; }

std::string examined_server::output() {
    program_->poll();
    output_ += program_->rest_of_output();
    return output_;
}

std::string examined_server::last_words() {
    auto errors = program_->error_output();
    if (errors.empty()) errors = output();
    if (errors.empty()) return "nothing";
    // The last line of an interpreter's trace names the error.
    const auto last = errors.rfind('\n', errors.size() - 2);
    const auto line = errors.substr(last == errors.npos ? 0 : last + 1);
    return first_lines(line, 1);
}

std::vector<pid_t> examined_server::processes() const {
    auto found = processes_of_tree(program_->pid());
    for (const auto orphan : adopted_children(found)) {
        const auto tree = processes_of_tree(orphan);
        found.insert(found.end(), tree.begin(), tree.end());
    }
    return found;
}

int examined_server::threads() const {
    std::size_t count = 0;
    for (const auto pid : processes()) count += thread_states(pid).size();
    return static_cast<int>(count);
}

int examined_server::zombies() const {
    const auto pids = processes();
    return static_cast<int>(
        std::ranges::count_if(pids, [](pid_t pid) { return thread_states(pid).starts_with('Z'); }));
}

int examined_server::descriptors() const {
    std::ptrdiff_t count = 0;
    for (const auto pid : processes()) {
        std::error_code ignored;
        const std::filesystem::directory_iterator entries{fmt::format("/proc/{}/fd", pid), ignored};
        count += std::distance(begin(entries), std::filesystem::end(entries));
    }
    return static_cast<int>(count);
}

long examined_server::memory_kib() const { return memory_of(processes()).data_kib; }

std::chrono::microseconds examined_server::cpu() const { return cpu_of(processes()); }

bool examined_server::is_busy() const {
    return std::ranges::any_of(
        processes(), [](pid_t pid) { return thread_states(pid).find_first_of("RD") != std::string::npos; });
}

bool examined_server::is_listening(std::uint16_t port) {
    const auto ports = listening_ports();
    return std::ranges::find(ports, port) != ports.end();
}

void prepare_examination(bool has_separate_network) {
    check("prctl", [] { return prctl(PR_SET_CHILD_SUBREAPER, 1); });
    if (!has_separate_network) return;
    if (unshare(CLONE_NEWNET) != 0) return; // not root: the ports of the machine
    const unique_fd socket{check("socket", [] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); })};
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP;
    check("ioctl", [&] { return ioctl(socket.get(), SIOCSIFFLAGS, &request); });
}

int end_survivors() {
    int ended = 0;
    // Each one may have forked again until it is killed.
    for (auto left = adopted_children({}); !left.empty(); left = adopted_children({})) {
        for (const auto pid : left) {
            if (!thread_states(pid).starts_with('Z')) ++ended;
            for (const auto descendant : processes_of_tree(pid)) ::kill(descendant, SIGKILL);
            while (waitpid(pid, nullptr, 0) == -1 && errno == EINTR) {
            }
        }
    }
    return ended;
}

} // namespace parley
