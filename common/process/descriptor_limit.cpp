#include "common/process/descriptor_limit.hpp"

#include "common/check.hpp"

#include <algorithm>

namespace parley {

rlim_t raise_descriptor_limit(rlim_t wanted) {
    rlimit limit{};
    check("getrlimit", [&] { return getrlimit(RLIMIT_NOFILE, &limit); });
    if (limit.rlim_cur >= wanted) return limit.rlim_cur;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    check("setrlimit", [&] { return setrlimit(RLIMIT_NOFILE, &limit); });
    return limit.rlim_cur;
}

} // namespace parley
