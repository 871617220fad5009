#include "server/serve.hpp"

#include "common/blocking_driver.hpp"
#include "server/connection_log.hpp"

namespace parley {

void serve(connection wire, const service& offered, const model_options& options, worker& by) noexcept {
    connection_log log{wire, by};
    try {
        auto talk = offered();
        drive_blocking(talk, wire, by, options.idle_timeout);
    } catch (const std::exception& error) {
        log.failed(error);
    }
}

void serve(connection wire, session& session, const model_options& options, worker& by) noexcept {
    connection_log log{wire, by};
    try {
        drive_blocking(session, wire, by, options.idle_timeout);
    } catch (const std::exception& error) {
        log.failed(error);
    }
}

} // namespace parley
