// A parley-server that runs beside us on a free port, from its ready line to its clean end.
#pragma once

#include "common/net/address.hpp"
#include "common/process/subprocess.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// Where a server listens, as its ready line says: "listening on ADDRESS (model M, service S)".
/// Throws std::runtime_error for any other line.
address ready_address(std::string_view line);

class running_server {
public:
    /// How long a server may take to get ready, or to stop, before something must be wrong.
    static constexpr std::chrono::seconds time_limit{30};

    /// Starts `program` with `--listen LISTEN` and `arguments`, and waits until it says that it listens.
    /// Throws std::system_error where it cannot be started, std::runtime_error where it does not get ready.
    running_server(std::string program, std::vector<std::string> arguments,
                   subprocess::errors where = subprocess::errors::shown, std::string listen = "127.0.0.1:0");

    /// Where it listens.
    [[nodiscard]] const address& endpoint() const { return endpoint_; }

    /// Its first line; a server with several addresses has one for each, to be read from process().
    [[nodiscard]] const std::string& ready_line() const { return ready_line_; }

    [[nodiscard]] subprocess& process() { return process_; }

    struct outcome {
        process_end end;
        bool left_processes = false; // did it leave children, or zombies, behind?
        std::string output;          // its standard output after the ready line
    };

    /// Waits until it has ended. Throws std::runtime_error where that takes longer than `limit`.
    outcome wait(std::chrono::milliseconds limit = time_limit);

    /// Asks it to end (SIGTERM), and waits, as above.
    outcome stop(std::chrono::milliseconds limit = time_limit);

private:
    subprocess process_;
    std::string ready_line_;
    address endpoint_;
};

} // namespace parley
