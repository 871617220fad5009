#include "client/check/output/gradescope.hpp"

#include "client/check/hints.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace parley {

namespace {

std::string output_of(const check_outcome& outcome) {
    if (outcome.is != verdict::failed) return outcome.text;
    const auto& hint = hint_of(outcome.hint);
    auto text = fmt::format("What came: {}\n", outcome.text);
    if (!outcome.told_with.empty()) text += fmt::format("The same cause as that of '{}'.\n", outcome.told_with);
    for (const auto& step : outcome.time_line)
        text += fmt::format("{:>6} ms  {}\n", step.at.count(), step.text);
    return text + fmt::format("Usually: {}\nIn C: {}\nIn Python: {}\nRead: {}\n", hint.cause, hint.c,
                              hint.python, hint.read);
}

} // namespace

nlohmann::json gradescope_of(const scorecard& scorecard) {
    auto tests = nlohmann::json::array();
    int score = 0;
    for (const auto& outcome : scorecard.outcomes) {
        if (outcome.is == verdict::skipped && !outcome.is_unmet) continue;
        const bool passes = outcome.is == verdict::passed || outcome.is == verdict::not_sure;
        score += passes ? 1 : 0;
        tests.push_back({{"name", fmt::format("{}: {}", outcome.family, outcome.check->sentence)},
                         {"number", outcome.check->id},
                         {"score", passes ? 1 : 0},
                         {"max_score", 1},
                         {"status", passes ? "passed" : "failed"},
                         {"output", output_of(outcome)},
                         {"output_format", "text"}});
    }
    return {{"score", score},
            {"output", fmt::format("{} of {} checks passed. {}", score, tests.size(), scorecard.assumptions)},
            {"tests", std::move(tests)}};
}

} // namespace parley
