// Starts a server and waits until it is ready. Ready is the ready line, or for a command with {port}, the first
// connection that the port accepts.
#pragma once

#include "client/compare/plan/plan.hpp"
#include "common/process/subprocess.hpp"

#include <string>
#include <vector>

namespace parley {

class server_launcher {
public:
    server_launcher(const contender& contender, const workload& load, const std::string& parley_server);

    /// Returns the command line.
    [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

    /// Waits until `server` is ready, and returns its address. Throws std::runtime_error if it does not become
    /// ready.
    [[nodiscard]] std::string wait_until_ready(subprocess& server) const;

private:
    std::vector<std::string> words_;
    std::string address_; // empty: the ready line has it
};

} // namespace parley
