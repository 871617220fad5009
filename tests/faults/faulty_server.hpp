// A server that runs with the fault injector.
#pragma once

#include "tests/faults/run_with_faults.hpp"
#include "tests/support/client_group.hpp"
#include "tests/support/model_variants.hpp"
#include "tests/support/proc.hpp"

namespace parley {

/// A server with the injector, and a few workers of each kind.
struct faulty_server {
    /// Waits until the server is idle: during its start a failing call may end a worker, instead of costing
    /// one client.
    explicit faulty_server(const model_variant& variant, std::string_view log_level = "off",
                           std::string_view service_name = "hello")
        : service{service_name}, server{run_with(injected, [&] {
              return variant.serve(service, {"--workers", "2", "--threads", "2"}, log_level);
          })} {
        becomes_idle(server.process().pid());
    }

    /// Serves some clients. Returns the problems, or an empty text.
    std::string serves(std::size_t clients = 1) {
        return client_group{service, server.endpoint()}.add(clients).converse();
    }

    /// Returns the number of open descriptors of the server and all its children.
    [[nodiscard]] std::ptrdiff_t descriptors() {
        std::ptrdiff_t sum = 0;
        for (const auto& process : processes_in_group(server.process().pid())) {
            std::error_code error;
            const std::filesystem::directory_iterator entries{fmt::format("/proc/{}/fd", process.process),
                                                              error};
            if (!error) sum += std::distance(begin(entries), end(entries));
        }
        return sum;
    }

    std::string_view service;
    fault_injection injected;
    server_under_test server;
};

} // namespace parley
