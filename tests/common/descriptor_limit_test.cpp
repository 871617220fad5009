// Tests of raise_descriptor_limit(), in a child process since the limit belongs to the process.
#include "common/process/descriptor_limit.hpp"
#include "tests/support/run_in_fork.hpp"

#include <doctest/doctest.h>

namespace parley {

namespace {
rlimit limits() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit;
}
} // namespace

TEST_CASE(
    "the soft limit of descriptors is raised as far as wanted, at most to the hard one, and never lowered") {
    CHECK(
        run_in_fork([] {
            const rlimit low{100, 500};
            require(setrlimit(RLIMIT_NOFILE, &low) == 0, "setrlimit");
            require(raise_descriptor_limit(300) == 300 && limits().rlim_cur == 300, "raised as far as wanted");
            require(raise_descriptor_limit(200) == 300 && limits().rlim_cur == 300, "not lowered");
            require(raise_descriptor_limit(501) == 500 && limits().rlim_cur == 500, "raised to the hard limit");
            require(raise_descriptor_limit() == 500, "as far as allowed by default");
            require(limits().rlim_max == 500, "the hard limit stays");
        }) == "exit 0");
}

} // namespace parley
