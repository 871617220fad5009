#include "server/serve_blocking.hpp"

#include "common/session/blocking_driver.hpp"
#include "server/connection_log.hpp"

namespace parley {

namespace {

/// Calls `converse()`, and logs what ends it.
template <class Converse>
void log_connection(const connection& wire, worker& by, Converse converse) noexcept {
    connection_log log{wire, by};
    try {
        converse();
    } catch (const std::exception& error) {
        log.failed(error);
    }
}

} // namespace

void serve(connection wire, const service& offered, const model_options& options, worker& by) noexcept {
    log_connection(wire, by, [&] {
        auto session = offered();
        drive_blocking(session, wire, by, options.idle_timeout);
    });
}

void serve(connection wire, session& session, const model_options& options, worker& by) noexcept {
    log_connection(wire, by, [&] { drive_blocking(session, wire, by, options.idle_timeout); });
}

} // namespace parley
