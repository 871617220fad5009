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

/// A model with options of its own, which only some workloads measure.
struct variant {
    const char* name;
    const char* model;
    std::vector<std::string> options;
};

/// Stevens' designs, in his order; those of the other models are the plain ones.
const std::vector<variant> stevens_rows{
    {"prefork/each", "prefork", {"--accept", "each", "--workers", "15"}},
    {"prefork/file-lock", "prefork", {"--accept", "file-lock", "--workers", "15"}},
    {"prefork/mutex", "prefork", {"--accept", "mutex", "--workers", "15"}},
    {"prefork/pass", "prefork", {"--accept", "pass", "--workers", "15"}},
    {"pool/mutex", "pool", {"--accept", "mutex", "--workers", "15"}},
    {"pool/main", "pool", {"--accept", "main", "--workers", "15"}},
};
const std::vector<std::string> stevens_plain{"iterative", "fork", "thread"};

const std::vector<variant> counters{
    {"counter/unlocked", "prefork", {"--counter", "unlocked", "--workers", "8"}},
    {"counter/mutex", "prefork", {"--counter", "mutex", "--workers", "8"}},
    {"counter/atomic", "prefork", {"--counter", "atomic", "--workers", "8"}},
};

/// One of each kind: enough where many points are measured.
const std::vector<std::string> one_of_each{"fork", "thread", "pool", "epoll", "loops", "coroutine"};

/// Puts workloads into a plan, as far as there are contenders for them.
class planner {
public:
    planner(plan& to, plan_size how_much, std::string foreign_service, const machine& here)
        : plan_{to},
          foreign_service_{std::move(foreign_service)},
          most_connections_{here.most_connections()},
          cores_{std::max(here.cores, 1)},
          is_full_{how_much == plan_size::full} {}

    void answers(const std::string& question) {
        const auto rounds = is_full_ ? 6 : 4;
        const auto time = is_full_ ? 600ms : 300ms;
        if (question == "cpu")
            add({.id = "cpu",
                 .name = "Work for the processor",
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
        std::erase_if(levels, [&](int each) { return each < 1 || each > most_connections_; });
        std::ranges::sort(levels);
        levels.erase(std::ranges::unique(levels).begin(), levels.end());
        for (const int connections : levels) {
            const bool is_extreme = connections > 1000; // a cell takes seconds there
            add_for(is_full_ && !is_extreme ? everybody() : chosen(one_of_each),
                    {.id = fmt::format("levels-{}", connections),
                     .name = "Long-lived connections",
                     .connections = connections,
                     .duration = level_duration(connections),
                     .server_options = {"--max-connections", "100000"},
                     .rounds = is_full_ ? 6 : 2});
        }
    }

    /// Those that the other questions do not ask for, beside echo.
    void services() {
        if (!is_full_) return;
        for (const auto* service : {"echo", "hello", "counter", "welcome"})
            add_for(chosen(one_of_each), {.id = fmt::format("services-{}", service),
                                          .name = "Small services",
                                          .service = service,
                                          .connections = 50,
                                          .size = 16,
                                          .duration = 500ms,
                                          .rounds = 6});
    }

    /// Threads that work: as many as there are cores, fewer, and more.
    void cores() {
        std::vector<int> threads{1, cores_, 4 * cores_};
        if (is_full_) threads.insert(threads.end(), {2 * cores_, 8 * cores_});
        for (const int each : std::set(threads.begin(), threads.end()))
            add_for(chosen({"loop-pool"}), {.id = fmt::format("cores-{}", each),
                                            .name = fmt::format("{} threads that work", each),
                                            .service = "pi",
                                            .connections = 8 * cores_,
                                            .duration = is_full_ ? 600ms : 300ms,
                                            .digits = 1500,
                                            .server_options = {"--workers", std::to_string(each)},
                                            .rounds = is_full_ ? 6 : 4});
    }

    void sizes() {
        if (!is_full_) return;
        for (const std::size_t size : {64, 4096, 65'536})
            add_for(chosen({"fork", "thread", "pool", "epoll", "uring", "coroutine"}),
                    {.id = fmt::format("sizes-{}", size),
                     .name = "Sizes of a request",
                     .connections = 50,
                     .size = size,
                     .duration = 500ms,
                     .rounds = 6});
    }

    /// His client: 5 at a time, one request of 4,000 bytes per connection.
    void stevens() {
        auto names = chosen(stevens_plain);
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
                                                  .name = fmt::format("A pool of {}", size),
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
                                                          .name = fmt::format("A wait of {} ms", wait),
                                                          .service = "wait",
                                                          .connections = 64,
                                                          .duration = 800ms,
                                                          .wait = milliseconds{wait},
                                                          .rounds = 6});
    }

    void counter() {
        add_for(variants(counters), {.id = "counter",
                                     .name = "A counter in shared memory",
                                     .service = "counter",
                                     .connections = 8,
                                     .size = 16,
                                     .duration = is_full_ ? 800ms : 200ms,
                                     .rounds = is_full_ ? 6 : 4});
    }

    /// Small requests, alone and beside two connections that ask for long work.
    void stall() {
        for (const int background_clients : {0, 2})
            add_for(chosen({"epoll", "loop-pool", "thread"}),
                    {.id = fmt::format("stall-{}", background_clients),
                     .name = background_clients ? "Small requests beside long work" : "Small requests alone",
                     .service = "pi",
                     .connections = 8,
                     .duration = is_full_ ? 1000ms : 300ms,
                     .digits = 10,
                     .background_clients = background_clients,
                     .disturbing_digits = 3000,
                     .rounds = is_full_ ? 6 : 4});
    }

private:
    void add(workload one) { add_for(everybody(), std::move(one)); }

    /// A server of others takes part where its service is asked for.
    void add_for(std::vector<std::string> who, workload one) {
        const auto is_other = [&](const std::string& name) {
            const auto found = std::ranges::find(plan_.contenders, name, &contender::name);
            return found->model.empty() && one.service != foreign_service_;
        };
        std::erase_if(who, is_other);
        if (who.empty()) return;
        one.duration = std::max(one.duration, one.least_duration());
        if (one.question.empty()) one.question = one.id.substr(0, one.id.find('-'));
        one.contenders = std::move(who);
        plan_.workloads.push_back(std::move(one));
    }

    /// A rate that is counted over a few latencies is wrong: requests that began before it are among them. A
    /// slow server answers 15,000 requests per second here: 1,000 connections then wait 67 ms each.
    [[nodiscard]] milliseconds level_duration(int connections) const {
        return std::max<milliseconds>(is_full_ ? 500ms : 200ms, connections * 1ms * 2 / 3);
    }

    [[nodiscard]] std::vector<double> at_rates() const {
        return is_full_ ? std::vector{0.5, 0.8} : std::vector<double>{};
    }

    [[nodiscard]] std::vector<std::string> everybody() const {
        std::vector<std::string> all;
        for (const auto& each : plan_.contenders)
            if (each.in_all) all.push_back(each.name);
        return all;
    }

    /// Those of them that are to be compared, and all servers of others.
    [[nodiscard]] std::vector<std::string> chosen(const std::vector<std::string>& names) const {
        std::vector<std::string> all;
        for (const auto& each : plan_.contenders)
            if (each.in_all && (each.model.empty() || std::ranges::find(names, each.name) != names.end()))
                all.push_back(each.name);
        return all;
    }

    /// Their names; they become contenders of the plan.
    std::vector<std::string> variants(const std::vector<variant>& all) {
        std::vector<std::string> names;
        for (const auto& each : all) {
            const auto is_its_model = [&](const contender& one) {
                return one.in_all && one.model == each.model;
            };
            if (std::ranges::none_of(plan_.contenders, is_its_model)) continue;
            plan_.contenders.push_back({each.name, each.model, each.options, "", false});
            names.emplace_back(each.name);
        }
        return names;
    }

    plan& plan_;
    std::string foreign_service_;
    int most_connections_;
    int cores_;
    bool is_full_;
};

} // namespace

std::vector<std::string> all_questions() {
    return {"cpu",     "waiting",    "idle",       "short",      "levels", "services", "sizes",
            "stevens", "pool-sweep", "work-sweep", "wait-sweep", "cores",  "counter",  "stall"};
}

void add_questions(plan& to, plan_size how_much, const std::vector<std::string>& questions,
                   const std::string& foreign_service, const machine& here) {
    planner into{to, how_much, foreign_service, here};
    for (const auto& each : questions.empty() ? all_questions() : questions) {
        into.answers(each);
        if (each == "levels") into.levels();
        if (each == "services") into.services();
        if (each == "sizes") into.sizes();
        if (each == "stevens") into.stevens();
        if (each == "pool-sweep") into.pool_sweep();
        if (each == "work-sweep") into.work_sweep();
        if (each == "wait-sweep") into.wait_sweep();
        if (each == "cores") into.cores();
        if (each == "counter") into.counter();
        if (each == "stall") into.stall();
    }
}

} // namespace parley
