// Out of line, so that composing the message adds no code to the callers.
#include "common/check.hpp"

#include <string>
#include <system_error>

namespace parley {

void throw_errno(std::string_view call, std::string_view object) {
    const int error = errno;
    std::string message{call};
    if (!object.empty()) message.append(" ").append(object);
    throw std::system_error(error, std::generic_category(), message);
}

} // namespace parley
