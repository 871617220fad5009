// Tests of usable_cpus() and cpu_quota(): how many CPUs a process may use, by affinity and control group.
#include "common/process/processors.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <fstream>
#include <sched.h>
#include <string_view>

namespace parley {

using namespace std::chrono_literals;

namespace {

/// A made-up tree of control group files, as in /proc and /sys/fs/cgroup.
class control_groups {
public:
    void write(const std::string& name, std::string_view text) {
        const std::filesystem::path path{folder_.file(name)};
        std::filesystem::create_directories(path.parent_path());
        std::ofstream{path} << text;
    }
    [[nodiscard]] std::optional<double> quota() const {
        return cpu_quota(folder_.file("groups"), folder_.file("mounted"));
    }

    [[nodiscard]] std::chrono::nanoseconds throttled() const {
        return throttled_time(folder_.file("groups"), folder_.file("mounted"));
    }

private:
    temporary_folder folder_;
};

} // namespace

TEST_CASE("a process may use the processors that it is bound to, and no others") {
    CHECK(run_in_fork([] {
              const auto cpus = usable_cpus();
              require(!cpus.empty() && usable_cpu_count() >= 1, "one at least");
              cpu_set_t single_cpu;
              CPU_ZERO(&single_cpu);
              CPU_SET(cpus.back(), &single_cpu);
              require(sched_setaffinity(0, sizeof single_cpu, &single_cpu) == 0, "bound to one");
              require(usable_cpus() == std::vector{cpus.back()}, "that one");
              require(usable_cpu_count() == 1, "one");
          }) == "exit 0");
}

TEST_CASE("the processor time of a control group is the least of its own and of those above it") {
    control_groups groups;
    CHECK_FALSE(groups.quota());
    groups.write("groups", "0::/a/b\n");
    CHECK_FALSE(groups.quota());
    groups.write("mounted/a/b/cpu.max", "max 100000\n");
    CHECK_FALSE(groups.quota());
    groups.write("mounted/a/cpu.max", "150000 100000\n");
    CHECK(groups.quota() == 1.5);
    groups.write("mounted/a/b/cpu.max", "400000 100000\n");
    CHECK(groups.quota() == 1.5);
    groups.write("mounted/a/b/cpu.max", "20000 100000\n");
    CHECK(groups.quota() == 0.2);
}

TEST_CASE("the root of what is mounted counts, wherever a container's group is") {
    control_groups groups;
    groups.write("mounted/cpu.max", "200000 100000\n");
    for (const auto* group : {"0::/\n", "0::/docker/1234\n", "0::/../other\n"}) {
        groups.write("groups", group);
        CHECK(groups.quota() == 2.0);
    }
}

TEST_CASE("control groups of version 1 limit processor time as well") {
    control_groups groups;
    groups.write("groups", "9:cpuset:/\n4:cpu,cpuacct:/a\n0::/\n");
    groups.write("mounted/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    groups.write("mounted/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    CHECK_FALSE(groups.quota());
    groups.write("mounted/cpu,cpuacct/a/cpu.cfs_quota_us", "50000\n");
    groups.write("mounted/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    CHECK(groups.quota() == 0.5);
}

TEST_CASE("the throttled time is that of the group that was throttled longest, its own or one above it") {
    control_groups groups;
    CHECK(groups.throttled() == 0ns);
    groups.write("groups", "0::/a/b\n");
    groups.write("mounted/a/b/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 3\nthrottled_usec 700\n");
    CHECK(groups.throttled() == 700us);
    groups.write("mounted/a/cpu.stat", "usage_usec 5\nthrottled_usec 900\nnr_bursts 0\n");
    CHECK(groups.throttled() == 900us);
    groups.write("groups", "9:cpuset:/\n4:cpu,cpuacct:/c\n");
    groups.write("mounted/cpu,cpuacct/c/cpu.stat", "nr_periods 9\nnr_throttled 3\nthrottled_time 1234\n");
    CHECK(groups.throttled() == 1234ns);
}

} // namespace parley
