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
constexpr auto look_again = 100ms;

} // namespace

controller_of_agents::controller_of_agents(const std::vector<std::string>& names, const std::string& secret) {
    for (const auto& each : names) {
        try {
            members_.push_back({each, psk_channel{connect_to(address::resolve(each), connect_limit),
                                                  psk_channel::side::controller, secret, connect_limit}});
        } catch (const std::runtime_error& why) {
            throw std::runtime_error(fmt::format("agent {}: {}", each, why.what()));
        }
    }
}

controller_of_agents::~controller_of_agents() {
    for (auto& each : members_) {
        try {
            each.channel.send({{"kind", "bye"}});
        } catch (const std::exception&) { // it has gone before us
        }
    }
}

class controller_of_agents::one_load {
public:
    one_load(std::list<member>& members, load_options options, const intervals::take& each)
        : members_{members},
          options_{std::move(options)},
          each_{each},
          cut_{options_.agents, interval_of(options_), [this](const interval& one) { note(one); }} {
        for (auto& member : members_) {
            parts_.push_back({&member});
            try_with(parts_.back(), [&](psk_channel& agent) {
                agent.send(
                    {{"kind", "load"}, {"form", agent_messages_form}, {"options", message_of(options_)}});
            });
            ++options_.agent;
        }
    }

    load_result run(int stop, const load_watch& watch) {
        const auto begin = clock::now();
        while (std::any_of(parts_.begin(), parts_.end(), [](const part& each) { return each.is_busy(); })) {
            if (wait_for_news(is_stopped_ ? -1 : stop)) tell_all("stop", is_stopped_);
            for (auto& each : parts_) hear(each);
            if (std::all_of(parts_.begin(), parts_.end(),
                            [](const part& each) { return each.is_ready || !each.is_busy(); }))
                tell_all("go", has_begun_);
            if (watch) watch(clock::now() - begin, so_far_);
        }
        members_.remove_if([&](const member& each) {
            return std::any_of(parts_.begin(), parts_.end(), [&](const part& its) {
                return its.who == &each && its.state == part::states::lost;
            });
        });
        if (!failure_.empty()) throw std::runtime_error(failure_);
        if (!all_) throw std::runtime_error("no agent is left: " + lost_.front());
        all_->parts = std::move(figures_);
        all_->lost_agents = std::move(lost_);
        return std::move(*all_);
    }

private:
    struct part {
        enum class states { busy, done, lost };

        member* who;
        states state = states::busy;
        bool is_ready = false;     // its connections are made
        std::size_t delivered = 0; // of its intervals
        clock::time_point received = clock::now();

        [[nodiscard]] bool is_busy() const { return state == states::busy; }
    };

    /// True: `stop` is readable.
    bool wait_for_news(int stop) {
        std::vector<pollfd> watched{{stop, POLLIN, 0}};
        for (const auto& each : parts_)
            if (each.is_busy()) watched.push_back({each.who->channel.descriptor(), POLLIN, 0});
        poll_until(clock::now() + look_again, watched);
        return watched.front().revents != 0;
    }

    /// Says it to all who are busy, once.
    void tell_all(const char* what, bool& told) {
        if (std::exchange(told, true)) return;
        for (auto& each : parts_)
            if (each.is_busy()) try_with(each, [&](psk_channel& agent) { agent.send({{"kind", what}}); });
    }

    void hear(part& from) {
        if (!from.is_busy()) return;
        try_with(from, [&](psk_channel& agent) {
            while (from.is_busy()) {
                const auto message = agent.receive(0ms);
                if (!message) break;
                from.received = clock::now();
                take(from, *message);
            }
            if (clock::now() - from.received > heartbeat_timeout)
                throw std::runtime_error(fmt::format("said nothing for {} s", heartbeat_timeout.count()));
        });
    }

    void take(part& from, const nlohmann::json& message) {
        const auto& kind = message.at("kind");
        if (kind == "ready") from.is_ready = true;
        if (kind == "interval") cut_.deliver(from.delivered++, interval_in(message.at("interval")));
        if (kind == "failed") {
            if (failure_.empty())
                failure_ = fmt::format("agent {}: {}", from.who->name, message.at("why").get<std::string>());
            leave(from, part::states::done);
            tell_all("stop", is_stopped_);
        }
        if (kind == "result") {
            add(result_in(message.at("result")));
            leave(from, part::states::done);
        }
    }

    void add(load_result theirs) {
        if (!all_) {
            all_ = std::move(theirs);
            return;
        }
        all_->add(theirs);
        all_->network = all_->network + theirs.network;
    }

    void leave(part& from, part::states how) {
        from.state = how;
        cut_.leave(from.delivered);
    }

    /// Whatever goes wrong with an agent, the others go on.
    template <class Call>
    void try_with(part& with, Call call) {
        try {
            call(with.who->channel);
        } catch (const std::exception& why) {
            if (!with.is_busy()) return;
            lost_.push_back(fmt::format("{}: {}", with.who->name, why.what()));
            leave(with, part::states::lost);
        }
    }

    void note(const interval& one) {
        figures_.note(one, interval_of(options_));
        auto& stats = so_far_.stats;
        so_far_.counted = one.begin + one.length;
        so_far_.throughput.push_back({so_far_.counted, stats.answered, 0});
        stats.all_asked += one.asked;
        stats.all_answered += one.latency.count();
        stats.answered += one.latency.count();
        stats.latency.add(one.latency);
        if (one.errors > 0) stats.errors.add({phase::read, {}, "an agent's", "errors of an agent"}, one.errors);
        if (each_) each_(one);
    }

    std::list<member>& members_;
    load_options options_;
    const intervals::take& each_;
    intervals cut_;
    std::list<part> parts_;
    std::vector<std::string> lost_;
    std::string failure_; // why an agent cannot do its part; empty: none has said so
    bool has_begun_ = false;
    bool is_stopped_ = false;
    interval_metrics figures_;
    load_result so_far_;             // as far as the intervals tell
    std::optional<load_result> all_; // of those who are done
};

load_result controller_of_agents::run(const load_options& options, int stop, const load_watch& watch,
                                      const intervals::take& each) {
    if (members_.empty()) throw std::runtime_error("no agent is left");
    auto shared = options;
    shared.agent = 0;
    shared.agents = static_cast<int>(members_.size());
    check_consistency(shared);
    return one_load{members_, std::move(shared), each}.run(stop, watch);
}

} // namespace parley
