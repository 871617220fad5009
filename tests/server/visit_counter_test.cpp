// Tests of visit_counter: many threads count one number. Two ways are correct, and two must be seen to be
// wrong.
#include "common/session/request_context.hpp"
#include "server/visit_counter.hpp"

#include <doctest/doctest.h>
#include <thread>
#include <vector>

namespace parley {

namespace {

constexpr int threads = 4;
constexpr int visits_each = 2000;

/// Lets all threads count at the same time. Returns how often each value was returned.
std::vector<int> count_together(visit_counter::kind kind) {
    visit_counter visits{kind, threads};
    std::vector<std::vector<std::uint64_t>> values(threads);
    {
        std::vector<std::jthread> running;
        for (int i = 0; i != threads; ++i)
            running.emplace_back([&visits, &own_values = values[static_cast<std::size_t>(i)], i] {
                const request_context context{.request = 1, .worker = i + 1, .text = {}};
                const context_scope scope{context};
                for (int j = 0; j != visits_each; ++j) own_values.push_back(visits.add_one());
            });
    }
    std::vector<int> counts(threads * visits_each + 1);
    for (const auto& thread_values : values)
        for (const auto value : thread_values) ++counts.at(value);
    return counts;
}

} // namespace

TEST_CASE("with a mutex or an atomic every value is given out once") {
    std::vector<int> once(threads * visits_each + 1, 1);
    once[0] = 0;
    CHECK((count_together(visit_counter::kind::mutex) == once));
    CHECK((count_together(visit_counter::kind::atomic) == once));
}

TEST_CASE("without a lock updates are lost") {
    bool lost = false;
    for (int attempt = 0; attempt != 100 && !lost; ++attempt)
        lost = count_together(visit_counter::kind::unlocked).back() == 0;
    CHECK(lost);
}

TEST_CASE("with private counters every value is given out by every worker") {
    std::vector<int> counts(threads * visits_each + 1);
    for (int value = 1; value <= visits_each; ++value) counts[static_cast<std::size_t>(value)] = threads;
    CHECK((count_together(visit_counter::kind::own) == counts));
}

} // namespace parley
