#include "client/compare/plan/preset_plans.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <set>
#include <utility>

namespace parley {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

/// A model with special options, measured by some workloads only.
struct variant {
    const char* name;
    const char* model;
    std::vector<std::string> options;
};

/// Stevens' designs in the order of the table in UNP volume 1, chapter 30, with 15 workers as there.
const std::vector<variant> stevens_rows{
    {"prefork/each", "prefork", {"--accept", "each", "--workers", "15"}},
    {"prefork/file-lock", "prefork", {"--accept", "file-lock", "--workers", "15"}},
    {"prefork/mutex", "prefork", {"--accept", "mutex", "--workers", "15"}},
    {"prefork/pass", "prefork", {"--accept", "pass", "--workers", "15"}},
    {"pool/mutex", "pool", {"--accept", "mutex", "--workers", "15"}},
    {"pool/main", "pool", {"--accept", "main", "--workers", "15"}},
};
const std::vector<std::string> stevens_models{"iterative", "fork", "thread"};

const std::vector<variant> counters{
    {"counter/unlocked", "prefork", {"--counter", "unlocked", "--workers", "8"}},
    {"counter/mutex", "prefork", {"--counter", "mutex", "--workers", "8"}},
    {"counter/atomic", "prefork", {"--counter", "atomic", "--workers", "8"}},
};

/// One model of each kind, for questions with many workloads.
const std::vector<std::string> model_of_each_kind{"fork", "thread", "pool", "epoll", "loops", "coroutine"};

/// Adds workloads to a plan, if there are contenders for them.
class planner {
public:
    planner(plan& plan, plan_size size, std::string external_service, const machine& machine)
        : plan_{plan},
          external_service_{std::move(external_service)},
          most_connections_{machine.most_connections()},
          cores_{std::max(machine.cores, 1)},
          is_full_{size == plan_size::full} {}

    void answers(const std::string& question) {
        const auto rounds = is_full_ ? 6 : 4;
        const auto time = is_full_ ? 600ms : 300ms;
        if (question == "cpu")
            add({.id = "cpu",
                 .name = "Requests that compute",
                 .service = "pi",
                 .connections = 8,
                 .duration = time,
                 .digits = 400,
                 .open = at_rates(),
                 .rounds = rounds});
        if (question == "waiting")
            add({.id = "waiting",
                 .name = "Requests that wait",
                 .service = "wait",
                 .connections = std::min(500, most_connections_),
                 .duration = time,
                 .wait = 50ms,
                 .open = at_rates(),
                 .rounds = rounds});
        if (question == "idle")
            add({.id = "idle",
                 .name = "Many idle connections",
                 .service = "wait",
                 .connections = std::min(1000, most_connections_),
                 .duration = time,
                 .wait = is_full_ ? 200ms : 100ms,
                 .rounds = rounds});
        if (question == "short")
            add({.id = "short",
                 .name = "One request per connection",
                 .connections = 50,
                 .per_connection = 1,
                 .duration = time,
                 .open = at_rates(),
                 .rounds = rounds});
    }

    void levels() {
        std::vector<int> levels{1, 10, 100, 1000};
        if (is_full_) levels.insert(levels.end(), {5000, most_connections_ / 1000 * 1000});
        std::erase_if(levels, [&](int level) { return level < 1 || level > most_connections_; });
        std::ranges::sort(levels);
        levels.erase(std::ranges::unique(levels).begin(), levels.end());
        for (const int connections : levels) {
            const bool is_extreme = connections > 1000; // a cell of this size takes seconds
            add_for(is_full_ && !is_extreme ? all_contenders() : chosen(model_of_each_kind),
                    {.id = fmt::format("levels-{}", connections),
                     .name = "Long-lived connections",
                     .connections = connections,
                     .duration = level_duration(connections),
                     .server_options = {"--max-connections", "100000"},
                     .rounds = is_full_ ? 6 : 2});
        }
    }

    /// Adds echo and the services that no other question measures.
    void services() {
        if (!is_full_) return;
        for (const auto* service : {"echo", "hello", "counter", "welcome"})
            add_for(chosen(model_of_each_kind), {.id = fmt::format("services-{}", service),
                                                 .name = "Small services",
                                                 .service = service,
                                                 .connections = 50,
                                                 .size = 16,
                                                 .duration = 500ms,
                                                 .rounds = 6});
    }

    /// Compute threads: 1, the number of cores, and more.
    void cores() {
        std::vector<int> threads{1, cores_, 4 * cores_};
        if (is_full_) threads.insert(threads.end(), {2 * cores_, 8 * cores_});
        for (const int count : std::set(threads.begin(), threads.end()))
            add_for(chosen({"loop-pool"}), {.id = fmt::format("cores-{}", count),
                                            .name = fmt::format("{} compute threads", count),
                                            .service = "pi",
                                            .connections = 8 * cores_,
                                            .duration = is_full_ ? 600ms : 300ms,
                                            .digits = 1500,
                                            .server_options = {"--workers", std::to_string(count)},
                                            .rounds = is_full_ ? 6 : 4});
    }

    void sizes() {
        if (!is_full_) return;
        for (const std::size_t size : {64, 4096, 65'536})
            add_for(chosen({"fork", "thread", "pool", "epoll", "uring", "coroutine"}),
                    {.id = fmt::format("sizes-{}", size),
                     .name = "Request sizes",
                     .connections = 50,
                     .size = size,
                     .duration = 500ms,
                     .rounds = 6});
    }

    /// Stevens' client: 5 connections at a time, one request of 4,000 bytes per connection.
    void stevens() {
        auto names = chosen(stevens_models);
        std::ranges::move(variants(stevens_rows), std::back_inserter(names));
        add_for(names, {.id = "stevens",
                        .name = "Stevens' client",
                        .connections = 5,
                        .size = 4000,
                        .per_connection = 1,
                        .duration = is_full_ ? 800ms : 200ms,
                        .rounds = is_full_ ? 6 : 3});
    }

    void pool_sweep() {
        const std::vector<int> sizes =
            is_full_ ? std::vector{1, 2, 4, 8, 15, 30, 60, 120} : std::vector{1, 4, 15, 60};
        for (const int size : sizes)
            add_for(chosen({"prefork", "pool"}), {.id = fmt::format("pool-{}", size),
                                                  .question = "pool-sweep",
                                                  .name = fmt::format("Pool of {}", size),
                                                  .connections = 50,
                                                  .size = 4000,
                                                  .per_connection = 1,
                                                  .duration = is_full_ ? 600ms : 200ms,
                                                  .server_options = {"--workers", std::to_string(size)},
                                                  .rounds = is_full_ ? 6 : 2});
    }

    void work_sweep() {
        if (!is_full_) return;
        for (const int digits : {10, 50, 100, 200, 400, 800})
            add_for(chosen({"thread", "epoll", "loop-pool", "loops"}),
                    {.id = fmt::format("work-{}", digits),
                     .question = "work-sweep",
                     .name = fmt::format("{} digits of pi", digits),
                     .service = "pi",
                     .connections = 16,
                     .duration = 600ms,
                     .digits = digits,
                     .rounds = 6});
    }

    void wait_sweep() {
        if (!is_full_) return;
        for (const int wait : {1, 5, 20, 50, 100})
            add_for(chosen({"thread", "epoll", "pool"}), {.id = fmt::format("wait-{}", wait),
                                                          .question = "wait-sweep",
                                                          .name = fmt::format("Wait of {} ms", wait),
                                                          .service = "wait",
                                                          .connections = 64,
                                                          .duration = 800ms,
                                                          .wait = milliseconds{wait},
                                                          .rounds = 6});
    }

    void counter() {
        add_for(variants(counters), {.id = "counter",
                                     .name = "Counter in shared memory",
                                     .service = "counter",
                                     .connections = 8,
                                     .size = 16,
                                     .duration = is_full_ ? 800ms : 200ms,
                                     .rounds = is_full_ ? 6 : 4});
    }

    /// Small requests, alone and next to two connections that request long work.
    void stall() {
        for (const int background_clients : {0, 2})
            add_for(chosen({"epoll", "loop-pool", "thread"}),
                    {.id = fmt::format("stall-{}", background_clients),
                     .name = background_clients ? "Small requests next to long work" : "Small requests alone",
                     .service = "pi",
                     .connections = 8,
                     .duration = is_full_ ? 1000ms : 300ms,
                     .digits = 10,
                     .background_clients = background_clients,
                     .disturbing_digits = 3000,
                     .rounds = is_full_ ? 6 : 4});
    }

private:
    void add(workload load) { add_for(all_contenders(), std::move(load)); }

    /// Adds a workload. Third-party servers take part only if it requests their service.
    void add_for(std::vector<std::string> names, workload load) {
        const auto is_left_out = [&](const std::string& name) {
            const auto found = std::ranges::find(plan_.contenders, name, &contender::name);
            return found->model.empty() && load.service != external_service_;
        };
        std::erase_if(names, is_left_out);
        if (names.empty()) return;
        load.duration = std::max(load.duration, load.least_duration());
        if (load.question.empty()) load.question = load.id.substr(0, load.id.find('-'));
        load.contenders = std::move(names);
        plan_.workloads.push_back(std::move(load));
    }

    /// Returns at least ten times the latency. A rate over only a few latencies is too high, because it
    /// includes requests sent before the measured time. A slow server serves 15,000 requests per second: 1,000
    /// connections then wait 67 ms each, and ten times that is 2/3 ms per connection.
    [[nodiscard]] milliseconds level_duration(int connections) const {
        return std::max<milliseconds>(is_full_ ? 500ms : 200ms, connections * 1ms * 2 / 3);
    }

    [[nodiscard]] std::vector<double> at_rates() const {
        return is_full_ ? std::vector{0.5, 0.8} : std::vector<double>{};
    }

    [[nodiscard]] std::vector<std::string> all_contenders() const {
        std::vector<std::string> names;
        for (const auto& contender : plan_.contenders)
            if (contender.in_all) names.push_back(contender.name);
        return names;
    }

    /// Returns the contenders named in `names`, and all third-party servers.
    [[nodiscard]] std::vector<std::string> chosen(const std::vector<std::string>& names) const {
        std::vector<std::string> found;
        for (const auto& [name, model, options, command, in_all] : plan_.contenders)
            if (in_all && (model.empty() || std::ranges::find(names, name) != names.end()))
                found.push_back(name);
        return found;
    }

    /// Adds the variants of models in the plan as contenders, and returns their names.
    std::vector<std::string> variants(const std::vector<variant>& variants) {
        std::vector<std::string> names;
        for (const auto& variant : variants) {
            const auto has_model = [&](const contender& contender) {
                return contender.in_all && contender.model == variant.model;
            };
            if (std::ranges::none_of(plan_.contenders, has_model)) continue;
            plan_.contenders.push_back({variant.name, variant.model, variant.options, "", false});
            names.emplace_back(variant.name);
        }
        return names;
    }

    plan& plan_;
    std::string external_service_;
    int most_connections_;
    int cores_;
    bool is_full_;
};

} // namespace

std::vector<std::string> all_questions() {
    return {"cpu",     "waiting",    "idle",       "short",      "levels", "services", "sizes",
            "stevens", "pool-sweep", "work-sweep", "wait-sweep", "cores",  "counter",  "stall"};
}

void add_questions(plan& plan, plan_size size, const std::vector<std::string>& questions,
                   const std::string& external_service, const machine& machine) {
    planner planner{plan, size, external_service, machine};
    for (const auto& question : questions.empty() ? all_questions() : questions) {
        planner.answers(question);
        if (question == "levels") planner.levels();
        if (question == "services") planner.services();
        if (question == "sizes") planner.sizes();
        if (question == "stevens") planner.stevens();
        if (question == "pool-sweep") planner.pool_sweep();
        if (question == "work-sweep") planner.work_sweep();
        if (question == "wait-sweep") planner.wait_sweep();
        if (question == "cores") planner.cores();
        if (question == "counter") planner.counter();
        if (question == "stall") planner.stall();
    }
}

} // namespace parley
