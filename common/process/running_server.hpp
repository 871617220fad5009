// A parley-server as a child process on a free port. Used by the tests and by parley-compare.
#pragma once

#include "common/net/address.hpp"
#include "common/process/subprocess.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// Returns the address of a ready line: "listening on ADDRESS (model M, service S)". Throws std::runtime_error
/// for any other line.
address ready_address(std::string_view line);

class running_server {
public:
    /// How long to wait for a server to become ready, or to stop. Both take milliseconds; 30 s is more than an
    /// overloaded machine needs.
    static constexpr std::chrono::seconds time_limit{30};

    /// Starts `program` with `--listen LISTEN` and `arguments`, and waits for its ready line. Throws
    /// std::system_error if the program cannot be started, std::runtime_error if it does not become ready.
    running_server(std::string program, std::vector<std::string> arguments,
                   subprocess::errors errors = subprocess::errors::shown, std::string listen = "127.0.0.1:0");

    /// Returns the address where the server listens.
    [[nodiscard]] const address& endpoint() const { return endpoint_; }

    /// Returns the first ready line. A server with several addresses prints one line each; read the others from
    /// process().
    [[nodiscard]] const std::string& ready_line() const { return ready_line_; }

    [[nodiscard]] subprocess& process() { return process_; }

    struct outcome {
        process_end end;
        bool left_processes = false; // true if children or zombies remained
        std::string output;          // standard output after the ready line
    };

    /// Waits until the server has ended. Throws std::runtime_error if that takes longer than `limit`.
    outcome wait(std::chrono::milliseconds limit = time_limit);

    /// Sends SIGTERM and waits as above.
    outcome stop(std::chrono::milliseconds limit = time_limit);

private:
    subprocess process_;
    std::string ready_line_;
    address endpoint_;
};

} // namespace parley
