// A check that fails on a busy machine gets a second try; failures with one cause are told once.
#include "client/check/run_checks.hpp"

#include "client/check/hints.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <thread>

namespace parley {

namespace {

using std::chrono::steady_clock;

bool is_selected(const server_check& check, const check_selection& selection, bool injects) {
    if (check.injects && !injects) return false;
    if (!selection.only.empty()) return std::ranges::find(selection.only, check.id) != selection.only.end();
    return check.since <= selection.up_to;
}

/// True if more threads of the machine want to run than there are CPUs, on average over the last minute.
bool is_machine_busy() {
    double load = 0;
    return getloadavg(&load, 1) == 1 && load > 1.5 * std::thread::hardware_concurrency();
}

std::vector<std::string> facts_of(examined_server& server) {
    if (!server.is_ours() || !server.is_running()) return {};
    return {fmt::format("{} processes, {} of them zombies", server.processes().size(), server.zombies()),
            fmt::format("{} threads, {}", server.threads(),
                        server.is_busy() ? "at least one computes" : "all of them sleep"),
            fmt::format("{} descriptors", server.descriptors()),
            fmt::format("{} KiB of memory of its own", server.memory_kib()),
            fmt::format("{:.2f} s of CPU time", std::chrono::duration<double>(server.cpu()).count())};
}

check_outcome run_once(const server_check& check, const profile& profile, const server_promise& promise,
                       int time_factor) {
    check_outcome outcome{.check = &check};
    const auto begin = steady_clock::now();
    examination examination{profile, promise};
    examination.set_limits(std::chrono::seconds{check.seconds}, time_factor);
    try {
        if (check.applies && !check.applies(profile, promise))
            examination.skip(fmt::format("not for the profile {}{}", profile.name,
                                         promise.model.empty() ? "" : " and the model " + promise.model));
        if (check.needs_process && promise.running)
            examination.skip("it needs the server's process: start the server with parley-check");
        check.run(examination);
        if (const auto died = examination.death(); !died.empty()) examination.fail(died);
        outcome.text = examination.remark();
    } catch (const check_ended& ended) {
        outcome.is = ended.is;
        outcome.text = ended.text;
        outcome.is_late = ended.is_late;
        if (ended.is == verdict::failed) {
            outcome.hint = ended.hint.empty() ? std::string{check.hint} : ended.hint;
            outcome.time_line = examination.time_line();
            if (ended.hint != "start") outcome.facts = facts_of(examination.server());
        }
    }
    examination.end_server();
    outcome.survivors = end_survivors();
    outcome.time = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin);
    return outcome;
}

/// A time limit that passes on a busy machine may be the machine's fault.
check_outcome run_check(const server_check& check, const profile& profile, const server_promise& promise) {
    auto outcome = run_once(check, profile, promise, 1);
    if (!outcome.is_late || !is_machine_busy()) return outcome;
    auto again = run_once(check, profile, promise, 4);
    if (again.is == verdict::passed) {
        again.is = verdict::not_sure;
        again.text = "it failed once on this busy machine, and then passed: " + outcome.text;
    }
    return again;
}

/// Failures with the same cause are told once, at the first of them.
void group_by_cause(std::vector<check_outcome>& outcomes) {
    for (auto& outcome : outcomes) {
        if (outcome.is != verdict::failed) continue;
        for (const auto& earlier : outcomes) {
            if (&earlier == &outcome) break;
            if (earlier.is == verdict::failed && earlier.hint == outcome.hint && earlier.told_with.empty()) {
                outcome.told_with = earlier.check->id;
                break;
            }
        }
    }
}

} // namespace

std::vector<check_outcome> run_checks(const profile& profile, const server_promise& promise,
                                      const check_selection& selection,
                                      const std::function<void(const server_check&)>& on_begin) {
    std::vector<check_outcome> outcomes;
    const server_check* unmet = nullptr; // the first check of all, if it failed: no other one makes sense
    for (const auto& family : check_families()) {
        for (const auto& check : family.checks) {
            if (!is_selected(check, selection, promise.injector.has_value())) continue;
            on_begin(check);
            check_outcome outcome{.check = &check};
            if (unmet) {
                outcome.is = verdict::skipped;
                outcome.is_unmet = true;
                outcome.text = fmt::format("first must be true: {}", unmet->sentence);
            } else {
                outcome = run_check(check, profile, promise);
                if (outcomes.empty() && outcome.is == verdict::failed) unmet = &check;
            }
            outcome.family = family.title;
            outcomes.push_back(std::move(outcome));
        }
    }
    group_by_cause(outcomes);
    return outcomes;
}

} // namespace parley
