// The limit of open descriptors of this process (RLIMIT_NOFILE, getrlimit(2)). Each connection is a descriptor,
// and the soft limit of a login is 1,024: servers and load generators raise it without asking.
#pragma once

#include <sys/resource.h>

namespace parley {

/// Raises the soft limit to `wanted`, or to the hard limit if that is lower; never lowers it. Returns the soft
/// limit that holds afterwards. Throws std::system_error.
rlim_t raise_descriptor_limit(rlim_t wanted = RLIM_INFINITY);

} // namespace parley
