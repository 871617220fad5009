#include "client/check/check_table.hpp"

#include <array>

namespace parley {

std::span<const check_family> check_families() {
    static const std::array<check_family, 2> families{{
        {"Conversation", conversation_checks()},
        {"Start and stop", stop_checks()},
    }};
    return families;
}

} // namespace parley
