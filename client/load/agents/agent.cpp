// One thread sends and receives the controller's messages. The threads of the load put their messages in an
// outbox.
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
// A fifth of controller_of_agents::heartbeat_timeout, so that several heartbeats may be late.
constexpr std::chrono::milliseconds heartbeat_interval{1s};

/// An event that poll(2) can wait for (eventfd(2)).
class event {
public:
    void set() { eventfd_write(descriptor_.get(), 1); }
    void reset() {
        eventfd_t count = 0;
        eventfd_read(descriptor_.get(), &count);
    }
    [[nodiscard]] int descriptor() const { return descriptor_.get(); }

private:
    unique_fd descriptor_{check("eventfd", [] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); })};
};

/// This agent's share of one load. Its destructor ends the load early.
class agent_load {
public:
    agent_load(psk_channel& controller, load_options options)
        : controller_{controller}, options_{std::move(options)}, start_{options_.threads + 1} {
        thread_ = std::jthread{[this] { generate(); }};
    }
    ~agent_load() { end_.set(); }
    agent_load(const agent_load&) = delete;
    agent_load& operator=(const agent_load&) = delete;

    /// Runs until the controller has the result. Throws std::runtime_error if the controller disconnects.
    void run() {
        while (!send_outbox()) {
            // The engines do not announce the last connection, so the barrier is polled.
            const bool is_ready = start_.missing() <= 1;
            if (is_ready && !std::exchange(sent_ready_, true)) send({{"kind", "ready"}});
            if (clock::now() - last_sent_ >= heartbeat_interval) send({{"kind", "alive"}});
            const bool is_stopping = stop_signal::is_requested();
            if (is_stopping) end_.set();
            pollfd watched[] = {{controller_.descriptor(), POLLIN, 0},
                                {outbox_event_.descriptor(), POLLIN, 0},
                                {is_stopping ? -1 : stop_signal::descriptor(), POLLIN, 0}};
            poll_until(clock::now() + (is_ready ? heartbeat_interval : 5ms), watched);
            while (const auto message = controller_.receive(0ms)) handle(*message);
        }
    }

private:
    /// Generates the load. Runs on a thread of its own.
    void generate() {
        try {
            const auto result = generate_load(
                options_, end_.descriptor(), {},
                [this](const interval& interval) {
                    post({{"kind", "interval"}, {"interval", message_of(interval)}});
                },
                &start_);
            post({{"kind", "result"}, {"result", message_of(result)}});
        } catch (const std::exception& error) {
            post({{"kind", "failed"}, {"why", error.what()}});
        }
    }

    void post(nlohmann::json message) {
        const std::lock_guard lock{mutex_};
        outbox_.push_back(std::move(message));
        outbox_event_.set();
    }

    /// Sends the messages in the outbox. Returns true if the final message was among them.
    bool send_outbox() {
        outbox_event_.reset();
        std::deque<nlohmann::json> messages;
        {
            const std::lock_guard lock{mutex_};
            messages.swap(outbox_);
        }
        for (const auto& message : messages) {
            send(message);
            if (message["kind"] == "result" || message["kind"] == "failed") return true;
        }
        return false;
    }

    void send(const nlohmann::json& message) {
        controller_.send(message);
        last_sent_ = clock::now();
    }

    void handle(const nlohmann::json& message) {
        if (message.at("kind") == "go") start_.ready();
        if (message.at("kind") == "stop") end_.set();
    }

    psk_channel& controller_;
    const load_options options_;
    start_barrier start_;
    event end_;          // ends the load
    event outbox_event_; // set while the outbox has messages
    std::mutex mutex_;   // guards outbox_
    std::deque<nlohmann::json> outbox_;
    bool sent_ready_ = false;
    clock::time_point last_sent_ = clock::now();
    std::jthread thread_; // must be the last member, since it uses all others
};

/// Returns a text such as "part 1 of 2 of 100 connections to 127.0.0.1:9999".
std::string summary_of(const load_options& options) {
    return fmt::format("part {} of {} of {} connections to {}", options.agent + 1, options.agents,
                       options.connections, options.target);
}

/// Carries out the loads of one controller, until it says "bye".
void serve_controller(psk_channel& controller, const std::vector<address>& sources,
                      const std::function<void(const std::string&)>& log) {
    while (stop_signal::wait_readable({controller.descriptor()})) {
        while (const auto message = controller.receive(0ms)) {
            if (message->at("kind") == "bye") return;
            if (message->at("kind") != "load") continue; // a stop that arrived after the end of the load
            if (message->at("form") != agent_messages_form) {
                controller.send(
                    {{"kind", "failed"},
                     {"why",
                      fmt::format("it uses the protocol {}: run the same version of parley-load everywhere",
                                  agent_messages_form)}});
                continue;
            }
            auto options = options_in(message->at("options"));
            options.sources = sources;
            log(fmt::format("{}: {}", controller.peer().to_string(), summary_of(options)));
            agent_load{controller, options}.run();
        }
    }
}

} // namespace

void serve_controllers(listener& listener, const std::string& secret, const std::vector<address>& sources,
                       const std::function<void(const std::string& line)>& log) {
    while (auto connection = listener.accept()) {
        const auto name = connection->peer().to_string();
        try {
            psk_channel controller{std::move(*connection), psk_channel::side::agent, secret, handshake_limit};
            log(fmt::format("{}: controller connected", name));
            serve_controller(controller, sources, log);
            log(fmt::format("{}: controller left", name));
        } catch (const std::exception& error) {
            log(fmt::format("{}: {}", name, error.what()));
        }
    }
}

} // namespace parley
