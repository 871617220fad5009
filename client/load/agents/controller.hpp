// Controller of a distributed load: gives each agent its share of the connections, the rate and the requests,
// starts all agents at the same moment, and merges their results. Read agent.hpp first.
#pragma once

#include "client/load/agents/psk_channel.hpp"
#include "client/load/engine/run_load.hpp"

#include <list>
#include <string>
#include <vector>

namespace parley {

class controller_of_agents {
public:
    /// An agent without a message for this time counts as lost. It sends a heartbeat every second.
    static constexpr std::chrono::seconds heartbeat_timeout{5};

    /// Connects to the agents: HOST:PORT, as address::resolve() takes it. Throws std::runtime_error that names
    /// the agent which cannot be reached, or does not know the secret.
    controller_of_agents(const std::vector<std::string>& names, const std::string& secret);
    ~controller_of_agents();
    controller_of_agents(const controller_of_agents&) = delete;
    controller_of_agents& operator=(const controller_of_agents&) = delete;

    /// Like generate_load(). The result names lost agents; the remaining agents share the next load. Throws
    /// std::runtime_error if an agent cannot generate its share, or if no agent is left.
    load_result run(const load_options& options, int stop, const load_watch& watch,
                    const intervals::take& complete = {});

private:
    struct connected_agent {
        std::string name;
        psk_channel channel;
    };
    class distributed_load;

    std::list<connected_agent> members_;
};

} // namespace parley
