#include "client/compare/host/server_processes.hpp"

#include "common/process/process_tree.hpp"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace parley {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

server_processes::server_processes() : known_{adopted_children({})} { prctl(PR_SET_CHILD_SUBREAPER, 1); }

server_processes::~server_processes() {
    for (;;) {
        const auto orphans = adopted_children(known_);
        if (orphans.empty()) return;
        for (const auto orphan : orphans) {
            kill(orphan, SIGKILL);
            waitpid(orphan, nullptr, 0);
        }
    }
}

std::vector<pid_t> server_processes::of(const subprocess& server, std::span<const pid_t> load) const {
    auto others = known_;
    std::ranges::copy(load, std::back_inserter(others));
    others.push_back(server.pid());
    auto processes = processes_of_tree(server.pid());
    for (const auto orphan : adopted_children(others))
        std::ranges::move(processes_of_tree(orphan), std::back_inserter(processes));
    return processes;
}

server_processes::rest server_processes::reap(const subprocess& server, std::chrono::milliseconds limit) const {
    rest found;
    const auto deadline = steady_clock::now() + limit;
    for (;;) {
        const auto orphans = adopted_children(known_);
        if (orphans.empty()) return found;
        for (const auto orphan : orphans) {
            rusage used{};
            if (wait4(orphan, nullptr, WNOHANG, &used) == orphan) {
                found.used.push_back(used);
            } else if (getpgid(orphan) != server.pid() || steady_clock::now() > deadline) {
                kill(orphan, SIGKILL);
                found.left_by_itself = false;
            }
        }
        std::this_thread::sleep_for(1ms);
    }
}

} // namespace parley
