// A parley-server in its own process that a test starts, stops and checks for a clean exit.
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
    server_under_test(std::string_view model, std::string_view service_name,
                      std::vector<std::string> options = {}, std::string_view log_level = "warn")
        : running_server{PARLEY_SERVER, arguments(model, service_name, std::move(options), log_level),
                         subprocess::errors::kept, own_endpoint()} {}

    /// Requests a shutdown and returns the problems of the exit, or an empty text.
    std::string shutdown_problems() {
        process().signal(SIGTERM);
        return problems_after_exit();
    }

    /// Waits for the exit and returns its problems, or an empty text. Any output on standard error is a
    /// problem, since the server logs only warnings and errors.
    std::string problems_after_exit() {
        const auto result = wait(time_limit);
        std::string problems;
        if (result.end.exit_code() != 0) problems += result.end.to_string() + "; ";
        if (result.left_processes) problems += "it left processes behind; ";
        if (const auto error_text = process().error_output(); !error_text.empty())
            problems += "it said: " + error_text;
        try {
            const listener listener_at_same_port{endpoint(), {}};
        } catch (const std::exception& error) {
            problems += error.what();
        }
        return problems;
    }

private:
    static std::vector<std::string> arguments(std::string_view model, std::string_view service_name,
                                              std::vector<std::string> options, std::string_view log_level) {
        std::vector<std::string> arguments{"--model",     std::string{model},
                                           "--service",   std::string{service_name},
                                           "--log-level", std::string{log_level}};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return arguments;
    }
};

} // namespace parley
