#include "client/load/agents/controller.hpp"

#include "client/conversation/connect.hpp"
#include "client/conversation/poll_until.hpp"
#include "client/load/agents/agent_messages.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace parley {

using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

constexpr auto connect_limit = 5s;
constexpr auto poll_interval = 100ms; // the live view and the heartbeat timeout need no more precision

} // namespace

controller_of_agents::controller_of_agents(const std::vector<std::string>& names, const std::string& secret) {
    for (const auto& name : names) {
        try {
            members_.push_back({name, psk_channel{connect_to(address::resolve(name), connect_limit),
                                                  psk_channel::side::controller, secret, connect_limit}});
        } catch (const std::runtime_error& error) {
            throw std::runtime_error(fmt::format("agent {}: {}", name, error.what()));
        }
    }
}

controller_of_agents::~controller_of_agents() {
    for (auto& member : members_) {
        try {
            member.channel.send({{"kind", "bye"}});
        } catch (const std::exception&) { // the agent has already disconnected
        }
    }
}

class controller_of_agents::distributed_load {
public:
    distributed_load(std::list<connected_agent>& members, load_options options, const intervals::take& complete)
        : members_{members},
          options_{std::move(options)},
          complete_{complete},
          collector_{options_.agents, interval_of(options_),
                     [this](const interval& interval) { note(interval); }} {
        for (auto& member : members_) {
            parts_.push_back({&member});
            with_agent(parts_.back(), [&](psk_channel& agent) {
                agent.send(
                    {{"kind", "load"}, {"form", agent_messages_form}, {"options", message_of(options_)}});
            });
            ++options_.agent;
        }
    }

    load_result run(int stop, const load_watch& watch) {
        const auto begin = clock::now();
        while (
            std::any_of(parts_.begin(), parts_.end(), [](const agent_share& part) { return part.is_busy(); })) {
            if (wait_for_messages(is_stopped_ ? -1 : stop)) send_all("stop", is_stopped_);
            for (auto& part : parts_) receive_from(part);
            if (std::all_of(parts_.begin(), parts_.end(),
                            [](const agent_share& part) { return part.is_ready || !part.is_busy(); }))
                send_all("go", has_begun_);
            if (watch) watch(clock::now() - begin, so_far_);
        }
        members_.remove_if([&](const connected_agent& member) {
            return std::any_of(parts_.begin(), parts_.end(), [&](const agent_share& part) {
                return part.agent == &member && part.state == agent_share::states::lost;
            });
        });
        if (!failure_.empty()) throw std::runtime_error(failure_);
        if (!sum_) throw std::runtime_error("no agent is left: " + lost_.front());
        sum_->per_interval = std::move(per_interval_);
        sum_->lost_agents = std::move(lost_);
        return std::move(*sum_);
    }

private:
    struct agent_share {
        enum class states { busy, done, lost };

        connected_agent* agent;
        states state = states::busy;
        bool is_ready = false;     // the agent has made its connections
        std::size_t delivered = 0; // number of intervals received
        clock::time_point last_received = clock::now();

        [[nodiscard]] bool is_busy() const { return state == states::busy; }
    };

    /// Waits for messages or `stop`. Returns true if `stop` is readable.
    bool wait_for_messages(int stop) {
        std::vector<pollfd> watched{{stop, POLLIN, 0}};
        for (const auto& part : parts_)
            if (part.is_busy()) watched.push_back({part.agent->channel.descriptor(), POLLIN, 0});
        poll_until(clock::now() + poll_interval, watched);
        return watched.front().revents != 0;
    }

    /// Sends a message to all busy agents, unless `was_sent`.
    void send_all(const char* kind, bool& was_sent) {
        if (std::exchange(was_sent, true)) return;
        for (auto& part : parts_)
            if (part.is_busy()) with_agent(part, [&](psk_channel& agent) { agent.send({{"kind", kind}}); });
    }

    /// Handles the messages that have arrived. Without one for too long, the agent is lost.
    void receive_from(agent_share& from) {
        if (!from.is_busy()) return;
        with_agent(from, [&](psk_channel& agent) {
            while (from.is_busy()) {
                const auto message = agent.receive(0ms);
                if (!message) break;
                from.last_received = clock::now();
                handle(from, *message);
            }
            if (clock::now() - from.last_received > heartbeat_timeout)
                throw std::runtime_error(fmt::format("sent nothing for {} s", heartbeat_timeout.count()));
        });
    }

    void handle(agent_share& from, const nlohmann::json& message) {
        const auto& kind = message.at("kind");
        if (kind == "ready") from.is_ready = true;
        if (kind == "interval") collector_.deliver(from.delivered++, interval_in(message.at("interval")));
        if (kind == "failed") {
            if (failure_.empty())
                failure_ = fmt::format("agent {}: {}", from.agent->name, message.at("why").get<std::string>());
            finish(from, agent_share::states::done);
            send_all("stop", is_stopped_);
        }
        if (kind == "result") {
            add(result_in(message.at("result")));
            finish(from, agent_share::states::done);
        }
    }

    void add(load_result result) {
        if (!sum_) {
            sum_ = std::move(result);
            return;
        }
        sum_->add(result);
        sum_->network = sum_->network + result.network;
    }

    void finish(agent_share& from, agent_share::states state) {
        from.state = state;
        collector_.leave(from.delivered);
    }

    /// Calls `call` with the agent's channel. An agent that fails is lost; the other agents continue.
    template <class Call>
    void with_agent(agent_share& part, Call call) {
        try {
            call(part.agent->channel);
        } catch (const std::exception& error) {
            if (!part.is_busy()) return;
            lost_.push_back(fmt::format("{}: {}", part.agent->name, error.what()));
            finish(part, agent_share::states::lost);
        }
    }

    void note(const interval& interval) {
        per_interval_.note(interval, interval_of(options_));
        auto& stats = so_far_.stats;
        so_far_.counted = interval.begin + interval.length;
        so_far_.throughput.push_back({so_far_.counted, stats.answered, 0});
        stats.all_asked += interval.asked;
        stats.all_answered += interval.latency.count();
        stats.answered += interval.latency.count();
        stats.latency.add(interval.latency);
        if (interval.errors > 0)
            stats.errors.add({phase::read, {}, "an agent's", "errors of an agent"}, interval.errors);
        if (complete_) complete_(interval);
    }

    std::list<connected_agent>& members_;
    load_options options_;
    const intervals::take& complete_;
    intervals collector_;
    std::list<agent_share> parts_;
    std::vector<std::string> lost_;
    std::string failure_; // why an agent cannot generate its share; empty: no agent has reported a failure
    bool has_begun_ = false;
    bool is_stopped_ = false;
    interval_metrics per_interval_;
    load_result so_far_;             // what the intervals tell, for the live view
    std::optional<load_result> sum_; // results of the agents that are done
};

load_result controller_of_agents::run(const load_options& options, int stop, const load_watch& watch,
                                      const intervals::take& complete) {
    if (members_.empty()) throw std::runtime_error("no agent is left");
    auto shared = options;
    shared.agent = 0;
    shared.agents = static_cast<int>(members_.size());
    check_consistency(shared);
    return distributed_load{members_, std::move(shared), complete}.run(stop, watch);
}

} // namespace parley
