#include "client/check/check_table.hpp"

#include <array>

namespace parley {

std::span<const check_family> check_families() {
    static const std::array<check_family, 5> families{{
        {"Conversation", conversation_checks()},
        {"Several clients", concurrency_checks()},
        {"Limits", limits_checks()},
        {"Start and stop", stop_checks()},
        {"Injected faults", injection_checks()},
    }};
    return families;
}

} // namespace parley
