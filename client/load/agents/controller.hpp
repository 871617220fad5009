// The controller's side of a load that several agents put on one server together: each has its share of the
// connections, of the rate and of the requests, all begin at the same moment, and what they found is one
// result.
#pragma once

#include "client/load/agents/psk_channel.hpp"
#include "client/load/engine/run_load.hpp"

#include <list>
#include <string>
#include <vector>

namespace parley {

class controller_of_agents {
public:
    /// Nothing from an agent for so long: it is lost.
    static constexpr std::chrono::seconds heartbeat_timeout{5};

    /// Opens a channel to each, a HOST:PORT as address::resolve() takes it. Throws std::runtime_error that
    /// names the one that is not there, or does not know the secret.
    controller_of_agents(const std::vector<std::string>& names, const std::string& secret);
    ~controller_of_agents();
    controller_of_agents(const controller_of_agents&) = delete;
    controller_of_agents& operator=(const controller_of_agents&) = delete;

    /// As generate_load(). An agent that is lost is named in the result; those who are left take the whole of
    /// the next load. Throws std::runtime_error where one cannot do its part, or none is left.
    load_result run(const load_options& options, int stop, const load_watch& watch,
                    const intervals::take& each = {});

private:
    struct member {
        std::string name;
        psk_channel channel;
    };
    class one_load;

    std::list<member> members_;
};

} // namespace parley
