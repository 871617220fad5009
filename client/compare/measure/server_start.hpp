// How a server is started and known to be ready: by its ready line, or, where its command says {port}, by the
// port that it was given, once that accepts.
#pragma once

#include "client/compare/plan/plan.hpp"
#include "common/process/subprocess.hpp"

#include <string>
#include <vector>

namespace parley {

class server_launcher {
public:
    server_launcher(const contender& who, const workload& load, const std::string& parley_server);

    /// What starts it.
    [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

    /// Waits until `server` is ready, and returns its address. Throws std::runtime_error where it does not get
    /// ready.
    [[nodiscard]] std::string wait_until_open(subprocess& server) const;

private:
    std::vector<std::string> words_;
    std::string address_; // empty: its ready line tells
};

} // namespace parley
