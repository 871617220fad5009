// One thread talks to the controller; the load's own threads leave what they have to say in an outbox.
#include "client/load/agents/agent.hpp"

#include "client/conversation/poll_until.hpp"
#include "client/load/agents/agent_messages.hpp"
#include "client/load/agents/psk_channel.hpp"
#include "client/load/engine/run_load.hpp"
#include "common/check.hpp"
#include "common/process/stop_signal.hpp"

#include <deque>
#include <fmt/format.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sys/eventfd.h>
#include <thread>

namespace parley {

using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

constexpr auto handshake_limit = 5s;
constexpr std::chrono::milliseconds sign_of_life{1s};

/// A descriptor that becomes readable (eventfd(2)).
class event {
public:
    void raise() { eventfd_write(descriptor_.get(), 1); }
    void lower() {
        eventfd_t count = 0;
        eventfd_read(descriptor_.get(), &count);
    }
    [[nodiscard]] int descriptor() const { return descriptor_.get(); }

private:
    unique_fd descriptor_{check("eventfd", [] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); })};
};

/// One load of a controller's. Destroyed, it ends early.
class part_of_load {
public:
    part_of_load(psk_channel& controller, load_options options)
        : controller_{controller}, options_{std::move(options)}, start_{options_.threads + 1} {
        threads_ = std::jthread{[this] { load(); }};
    }
    ~part_of_load() { end_.raise(); }
    part_of_load(const part_of_load&) = delete;
    part_of_load& operator=(const part_of_load&) = delete;

    /// Until the controller has got the result. Throws std::runtime_error where it has gone.
    void run() {
        while (!tell_news()) {
            // Nobody says when the last connection was made: that is looked for.
            const bool is_ready = start_.missing() <= 1;
            if (is_ready && !std::exchange(told_ready_, true)) tell({{"kind", "ready"}});
            if (clock::now() - told_ >= sign_of_life) tell({{"kind", "alive"}});
            const bool ends = stop_signal::is_requested();
            if (ends) end_.raise();
            pollfd watched[] = {{controller_.descriptor(), POLLIN, 0},
                                {news_.descriptor(), POLLIN, 0},
                                {ends ? -1 : stop_signal::descriptor(), POLLIN, 0}};
            poll_until(clock::now() + (is_ready ? sign_of_life : 5ms), watched);
            while (const auto order = controller_.receive(0ms)) follow(*order);
        }
    }

private:
    /// On a thread of its own.
    void load() {
        try {
            const auto result = generate_load(
                options_, end_.descriptor(), {},
                [this](const interval& one) {
                    leave({{"kind", "interval"}, {"interval", message_of(one)}});
                },
                &start_);
            leave({{"kind", "result"}, {"result", message_of(result)}});
        } catch (const std::exception& why) {
            leave({{"kind", "failed"}, {"why", why.what()}});
        }
    }

    void leave(nlohmann::json message) {
        const std::lock_guard held{lock_};
        outbox_.push_back(std::move(message));
        news_.raise();
    }

    /// True: the last word was among it.
    bool tell_news() {
        news_.lower();
        std::deque<nlohmann::json> all;
        {
            const std::lock_guard held{lock_};
            all.swap(outbox_);
        }
        for (const auto& each : all) {
            tell(each);
            if (each["kind"] == "result" || each["kind"] == "failed") return true;
        }
        return false;
    }

    void tell(const nlohmann::json& message) {
        controller_.send(message);
        told_ = clock::now();
    }

    void follow(const nlohmann::json& order) {
        if (order.at("kind") == "go") start_.ready();
        if (order.at("kind") == "stop") end_.raise();
    }

    psk_channel& controller_;
    const load_options options_;
    start_barrier start_;
    event end_;  // of the load
    event news_; // in the outbox
    std::mutex lock_;
    std::deque<nlohmann::json> outbox_;
    bool told_ready_ = false;
    clock::time_point told_ = clock::now();
    std::jthread threads_; // the last member: it uses all others
};

std::string in_short(const load_options& options) {
    return fmt::format("part {} of {} of {} connections to {}", options.agent + 1, options.agents,
                       options.connections, options.target);
}

void talk_with(psk_channel& controller, const std::vector<address>& sources,
               const std::function<void(const std::string&)>& say) {
    while (stop_signal::wait_readable({controller.descriptor()})) {
        while (const auto order = controller.receive(0ms)) {
            if (order->at("kind") == "bye") return;
            if (order->at("kind") != "load") continue; // a stop that came too late
            if (order->at("form") != agent_messages_form) {
                controller.send({{"kind", "failed"},
                                 {"why", fmt::format("it speaks {}: take the same parley-load everywhere",
                                                     agent_messages_form)}});
                continue;
            }
            auto options = options_in(order->at("options"));
            options.sources = sources;
            say(fmt::format("{}: {}", controller.peer().to_string(), in_short(options)));
            part_of_load{controller, options}.run();
        }
    }
}

} // namespace

void serve_controllers(listener& endpoint, const std::string& secret, const std::vector<address>& sources,
                       const std::function<void(const std::string& line)>& say) {
    while (auto connection = endpoint.accept()) {
        const auto name = connection->peer().to_string();
        try {
            psk_channel controller{std::move(*connection), psk_channel::side::agent, secret, handshake_limit};
            say(fmt::format("{}: a controller", name));
            talk_with(controller, sources, say);
            say(fmt::format("{}: has left", name));
        } catch (const std::exception& why) {
            say(fmt::format("{}: {}", name, why.what()));
        }
    }
}

} // namespace parley
