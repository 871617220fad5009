// A server that runs with the injector.
#pragma once

#include "tests/faults/fault_injection.hpp"
#include "tests/support/client_group.hpp"
#include "tests/support/model_variants.hpp"
#include "tests/support/proc.hpp"

namespace parley {

/// A server with the injector in it, and a few workers of each kind.
struct faulty_server {
    /// All of it is up: whoever still starts may give up for what would cost a worker one client only.
    explicit faulty_server(const model_variant& how, std::string_view log_level = "off",
                           std::string_view offers = "hello")
        : offered{offers}, server{injected.into([&] {
              return how.serve(offered, {"--workers", "2", "--threads", "2"}, log_level);
          })} {
        comes_to_rest(server.process().pid());
    }

    /// Lets a client come, and says what was wrong with that; empty: nothing.
    std::string serves(std::size_t clients = 1) {
        return client_group{offered, server.endpoint()}.add(clients).converse();
    }

    /// Of the server and all that it has started.
    [[nodiscard]] std::ptrdiff_t descriptors() {
        std::ptrdiff_t sum = 0;
        for (const auto& each : processes_in_group(server.process().pid())) {
            std::error_code gone;
            const std::filesystem::directory_iterator all{fmt::format("/proc/{}/fd", each.process), gone};
            if (!gone) sum += std::distance(begin(all), end(all));
        }
        return sum;
    }

    std::string_view offered;
    fault_injection injected;
    server_under_test server;
};

} // namespace parley
