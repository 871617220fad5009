// One busy thread per core, which together use all cores.
//
//   Python       multiprocessing.cpu_count() and threading.Thread; there the interpreter's lock lets only one
//                thread run at a time, so all threads together use one core
//   look at      each core is about 100 % busy; the CPU time is about the time multiplied by the cores
//   afterwards   lab 10; common/process/processors.hpp; `top`, then key 1
#include "common/concurrency/named_thread.hpp"
#include "common/process/processors.hpp"
#include "labs/examples/print_line.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <list>
#include <map>
#include <sstream>
#include <string>

using namespace parley;
using namespace std::chrono_literals;

namespace {

struct core_time {
    double busy = 0; // in clock ticks, since the machine was started
    double all = 0;
};

/// Reads the lines "cpu0 USER NICE SYSTEM IDLE IOWAIT ..." of /proc/stat (proc(5)).
std::map<int, core_time> read_core_times() {
    std::map<int, core_time> cores;
    std::ifstream file{"/proc/stat"};
    for (std::string line; std::getline(file, line) && line.starts_with("cpu");) {
        std::istringstream fields{line.substr(3)};
        if (line[3] == ' ') continue; // the sum of all cores
        int core = 0;
        fields >> core;
        double time = 0;
        for (int i = 0; i != 8 && fields >> time; ++i) {
            cores[core].all += time;
            if (i != 3 && i != 4) cores[core].busy += time; // neither IDLE nor IOWAIT
        }
    }
    return cores;
}

} // namespace

int main() {
    const auto cores = usable_cpus();
    print_line("{} cores: one thread each computes for half a second", cores.size());
    auto before = read_core_times();
    const auto cpu_before = std::clock();
    const auto start = std::chrono::steady_clock::now();
    {
        std::list<named_thread> threads;
        for (const int core : cores)
            threads.emplace_back("Busy-" + std::to_string(core), [](const std::stop_token& stop) {
                for (unsigned x = 0; !stop.stop_requested();) x ^= 1;
            });
        std::this_thread::sleep_for(500ms);
    } // requests a stop, and joins all
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    const double cpu = static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC; // of all threads
    auto after = read_core_times();
    for (const int core : cores) {
        const double busy = after[core].busy - before[core].busy, all = after[core].all - before[core].all;
        print_line("core {}: {:.0f} % busy", core, 100 * busy / std::max(all, 1.0));
    }
    print_line("this program: {:.2f} s of CPU time in {:.2f} s, so {:.1f} of {} cores", cpu, wall.count(),
               cpu / wall.count(), cores.size());
    if (cpu < 0.9 * wall.count() * static_cast<double>(cores.size()))
        print_line("Other programs ran at the same time, or the CPU time of this one is limited.");
}
