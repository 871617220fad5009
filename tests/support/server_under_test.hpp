// A parley-server that must leave as cleanly as it ran.
#pragma once

#include "common/net/listener.hpp"
#include "common/process/running_server.hpp"
#include "tests/support/own_loopback.hpp"
#include "tests/support/test_client.hpp"

#include <fmt/format.h>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

class server_under_test : public running_server {
public:
    server_under_test(std::string_view model, std::string_view offered, std::vector<std::string> more = {},
                      std::string_view log_level = "warn")
        : running_server{PARLEY_SERVER, arguments(model, offered, std::move(more), log_level),
                         subprocess::errors::kept, own_door()} {}

    /// Asks it to end, and says what was wrong with that; empty: nothing.
    std::string shutdown_problems() {
        process().signal(SIGTERM);
        return problems_after_exit();
    }

    /// Waits for its end, and says what was wrong with that. Whatever it wrote to standard error counts, for it
    /// logs no more than warnings.
    std::string problems_after_exit() {
        const auto left = wait(time_limit);
        std::string wrong;
        if (left.end.exit_code() != 0) wrong += left.end.to_string() + "; ";
        if (left.left_processes) wrong += "it left processes behind; ";
        if (const auto said = process().error_output(); !said.empty()) wrong += "it said: " + said;
        try {
            const listener again{endpoint(), {}};
        } catch (const std::exception& error) {
            wrong += error.what();
        }
        return wrong;
    }

private:
    static std::vector<std::string> arguments(std::string_view model, std::string_view offered,
                                              std::vector<std::string> more, std::string_view log_level) {
        std::vector<std::string> all{"--model",     std::string{model},    "--service", std::string{offered},
                                     "--log-level", std::string{log_level}};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

} // namespace parley
