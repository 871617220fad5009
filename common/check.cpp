// Out of line, so that the text of a failure costs nothing where the call succeeds.
#include "common/check.hpp"

#include <string>
#include <system_error>

namespace parley {

void throw_errno(std::string_view call, std::string_view object) {
    const int reason = errno;
    std::string what{call};
    if (!object.empty()) what.append(" ").append(object);
    throw std::system_error(reason, std::generic_category(), what);
}

} // namespace parley
