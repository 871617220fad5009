#include "server/serve_blocking.hpp"

#include "common/session/blocking_driver.hpp"
#include "server/connection_log.hpp"

namespace parley {

namespace {

/// Calls `run()`, and logs the error that ends it.
template <class Run>
void log_connection(const connection& connection, worker& worker, Run run) noexcept {
    connection_log log{connection, worker};
    try {
        run();
    } catch (const std::exception& error) {
        log.failed(error);
    }
}

} // namespace

void serve(connection connection, const service& offered, const model_options& options,
           worker& worker) noexcept {
    log_connection(connection, worker, [&] {
        auto session = offered();
        drive_blocking(session, connection, worker, options.idle_timeout);
    });
}

void serve(connection connection, session& session, const model_options& options, worker& worker) noexcept {
    log_connection(connection, worker,
                   [&] { drive_blocking(session, connection, worker, options.idle_timeout); });
}

} // namespace parley
