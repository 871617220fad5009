#include "client/load/commands.hpp"
#include "common/human_numbers.hpp"

#include "client/conversation/bounded_json.hpp"
#include "client/load/agents/agent.hpp"
#include "client/load/agents/controller.hpp"
#include "client/load/analysis/rate_search.hpp"
#include "client/load/engine/percentiles.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/output/csv.hpp"
#include "client/load/output/hdr_histogram.hpp"
#include "client/load/output/live_view.hpp"
#include "client/load/output/output_file.hpp"
#include "client/load/output/report.hpp"
#include "client/load/repeated_runs.hpp"
#include "common/escaped.hpp"
#include "common/output.hpp"
#include "common/process/stop_signal.hpp"
#include "common/terminal_width.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace parley {

namespace {

using namespace std::chrono_literals;

/// Generates one load: generate_load() in this process, or the same through agents.
using load_generator = std::function<load_result(const load_options& options, int stop, const load_watch& watch,
                                                 const intervals::take& complete)>;

/// The files that grow during the load: the table of intervals and the log of histograms.
class interval_files {
public:
    explicit interval_files(const output_names& names) : csv_{names.csv}, log_{names.log} {}

    /// Appends an interval. Requests a stop if the reader of a pipe has closed it.
    void write(const interval& interval) {
        bool has_readers = true;
        // Both heads are written only now: until the warm-up is over, the files of an earlier run stay, and the
        // start time of the log is not known.
        const bool is_first = !std::exchange(has_begun_, true);
        if (csv_) has_readers = csv_.write((is_first ? csv_head() : "") + csv_row(interval));
        if (log_) {
            if (is_first)
                log_.write(log_head(
                    std::chrono::system_clock::now() -
                    std::chrono::round<std::chrono::system_clock::duration>(interval.begin + interval.length)));
            has_readers &= log_.write(log_line(interval.begin, interval.length, interval.latency));
        }
        if (!has_readers) stop_signal::request();
    }

    [[nodiscard]] bool to_standard_output() const {
        return csv_.to_standard_output() || log_.to_standard_output();
    }
    [[nodiscard]] std::vector<std::string> failures() const { return {csv_.failure(), log_.failure()}; }

private:
    growing_output csv_, log_;
    bool has_begun_ = false;
};

/// Prints the failures that are not empty. Returns 1 if there is one, else `status`.
int status_after(int status, const std::vector<std::string>& failures) {
    for (const auto& failure : failures)
        if (!failure.empty()) {
            print_message("parley-load: {}\n", failure);
            status = 1;
        }
    return status;
}

std::string text_of(const nlohmann::ordered_json& report) {
    return report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

/// Prints `text` on standard error if standard output is taken by JSON or a table.
void print_to(bool standard_error, std::string_view text) {
    standard_error ? write_message(text) : write_result(text);
}

/// Returns the report of an earlier run or series; null if `name` is empty. Throws std::invalid_argument if it
/// cannot be read or was made with other options.
nlohmann::json earlier_report(const std::string& name, const load_options& options) {
    if (name.empty()) return nullptr;
    std::ostringstream text;
    text << std::ifstream{name}.rdbuf();
    try {
        auto report = parse_json(std::move(text).str());
        check_comparable(report, options_as_json(options));
        return report;
    } catch (const nlohmann::json::exception&) {
        throw std::invalid_argument(fmt::format("--baseline {}: cannot be read, or is no JSON", name));
    } catch (const std::runtime_error& error) {
        throw std::invalid_argument(fmt::format("--baseline {}: {}", name, error.what()));
    }
}

/// Runs the load once, and reports it.
int run_once(const load_options& options, const output_names& names, const load_generator& generate) {
    stop_signal::install(options.timeout);
    const auto earlier = earlier_report(names.baseline, options);
    whole_output json{names.json}, percentiles{names.percentiles};
    interval_files files{names};
    live_view view{interval_of(options)};
    const bool is_watched = isatty(STDERR_FILENO);
    load_watch watch;
    if (is_watched)
        watch = [&](std::chrono::nanoseconds elapsed, const load_result& so_far) {
            write_message(view.redrawn(elapsed, options, so_far, columns_of(STDERR_FILENO)));
        };
    else if (options.cool_down.count() > 0)
        watch = [is_announced = false](std::chrono::nanoseconds, const load_result& so_far) mutable {
            if (run_stats::clock::now() < so_far.stats.until || std::exchange(is_announced, true)) return;
            print_message("parley-load: cooling down: nothing is counted any more\n");
        };
    const auto result = generate(options, stop_signal::descriptor(), watch, [&](const interval& interval) {
        files.write(interval);
        if (is_watched) view.add(interval);
    });
    if (is_watched) write_message(view.cleared(columns_of(STDERR_FILENO)));
    auto outcome = conclude(options, result);
    if (!earlier.is_null()) outcome.changes = compare_with(earlier, result.per_interval, metrics_of::run);
    if (percentiles) percentiles.save(percentile_text(result.stats.latency));
    if (json) json.save(text_of(json_report(options, result, outcome)));
    const bool is_taken =
        json.to_standard_output() || percentiles.to_standard_output() || files.to_standard_output();
    print_to(is_taken, terminal_safe(text_report(options, result, outcome)));
    percentiles.finish();
    json.finish();
    flush_results(); // before the messages
    for (const auto& complaint : outcome.complaints)
        print_message("parley-load: {}\n", terminal_safe(complaint));
    auto failures = files.failures();
    failures.insert(failures.end(), {json.failure(), percentiles.failure()});
    return status_after(outcome.exit_status(), failures);
}

/// Runs the load `times` times, and prints a line for each run and a summary. Ctrl-C ends the current run and
/// the series.
int run_repeatedly(const load_options& options, int times, const output_names& names,
                   const load_generator& generate) {
    stop_signal::install(options.timeout);
    const auto earlier = earlier_report(names.baseline, options);
    whole_output json{names.json};
    repeated_load series;
    std::vector<difference> changes;
    for (int run = 0; run != times && !stop_signal::is_requested(); ++run) {
        const auto line = series.add(options, generate(options, stop_signal::descriptor(), {}, {}));
        if (!earlier.is_null()) changes = compare_with(earlier, series.means(), metrics_of::series);
        if (json) json.save(text_of(series.to_json(changes))); // after each run, in case the next one fails
        print_to(json.to_standard_output(), line);
        if (!flush_results()) break;
    }
    print_to(json.to_standard_output(), series.text_report(changes));
    json.finish();
    return status_after(series.exit_status(), {json.failure()});
}

/// Runs the load against two servers in alternation (B A B A ...), and compares them.
int run_alternately(const load_options& options, int times, const output_names& names,
                    const load_generator& generate) {
    stop_signal::install(options.timeout);
    whole_output json{names.json};
    auto other_options = options;
    other_options.target = names.against;
    alternating_runs both;
    const auto report = [&] {
        auto json_of_both = both.own.to_json(both.changes());
        json_of_both["against"] = both.other.to_json({});
        return json_of_both;
    };
    const auto run = [&](const load_options& run_options, repeated_load& series) {
        const auto line = series.add(run_options, generate(run_options, stop_signal::descriptor(), {}, {}));
        print_to(json.to_standard_output(), terminal_safe(fmt::format("{:<21} {}", run_options.target, line)));
        return flush_results();
    };
    for (int pair = 0; pair != times && !stop_signal::is_requested(); ++pair) {
        if (!run(other_options, both.other) || stop_signal::is_requested() || !run(options, both.own)) break;
        both.add_pair();
        if (json) json.save(text_of(report()));
    }
    print_to(json.to_standard_output(),
             terminal_safe(fmt::format("\nbefore: {}\n{}\nnow: {}\n{}", other_options.target,
                                       both.other.text_report({}), options.target,
                                       both.own.text_report(both.changes()))));
    json.finish();
    const int status = both.own.exit_status();
    return status_after(status != 0 ? status : both.other.exit_status(), {json.failure()});
}

/// Runs the trials of --find-knee, prints a line for each, and saves the report after each.
class knee_trials {
public:
    knee_trials(load_options options, const threshold& target, const output_names& names,
                const load_generator& generate)
        : options_{std::move(options)},
          target_{target},
          generate_{generate},
          json_{names.json},
          shortest_{*options_.duration} {}

    /// Runs a trial at this rate. An unknown outcome may have been chance: then it is run once more. Throws
    /// std::runtime_error if the server cannot be reached, or if a stop was requested.
    trial_outcome attempt(double rate) {
        auto trial = run(rate);
        if (trial.outcome == trial_outcome::unknown) trial = run(rate);
        if (trial.outcome == trial_outcome::unknown) last_unknown_ = trial.why;
        return trial.outcome;
    }

    void print(const std::string& line) {
        print_to(json_.to_standard_output(), line);
        flush_results();
    }

    /// Saves the report. nullopt: the search has not ended.
    void save(const std::optional<knee>& found) {
        if (!json_) return;
        nlohmann::ordered_json report{{"schema", "parley-load-knee/1"}, {"target", target_.text}};
        report["least"] = found ? nlohmann::ordered_json(found->least) : nullptr;
        report["most"] = found ? nlohmann::ordered_json(found->most) : nullptr;
        report["at_most"] = found ? nlohmann::ordered_json(to_string(found->at_most)) : nullptr;
        report["trials"] = trials_;
        json_.save(text_of(report));
    }

    void finish() { json_.finish(); }
    [[nodiscard]] const std::string& failure() const { return json_.failure(); }

    /// Why the latest unknown trial was unknown; empty: none was.
    [[nodiscard]] const std::string& last_unknown() const { return last_unknown_; }

private:
    /// A trial that needs more time than this is not tried, unless --duration allows it.
    static constexpr std::chrono::milliseconds longest_trial{60'000};

    trial run(double rate) {
        if (stop_signal::is_requested()) throw std::runtime_error("interrupted: the knee is not known");
        const auto length = trial_length(target_, rate, shortest_, options_.warm_up);
        if (length > std::max(shortest_, longest_trial))
            return {trial_outcome::unknown,
                    fmt::format("it would take {}: ask for a lower percentile, or give --duration",
                                format_duration(std::chrono::nanoseconds{length}))};
        options_.rate = rate;
        options_.duration = length;
        const auto result = generate_(options_, stop_signal::descriptor(), {}, {});
        if (result.connected == 0) {
            const auto kinds = result.stats.errors.kinds();
            throw std::runtime_error(kinds.empty() ? "no connection could be made" : kinds.front().first.text);
        }
        auto trial = judge_trial(options_, target_, result);
        print(fmt::format("{:>12.0f} requests/s  {:<7} {}\n", rate, to_string(trial.outcome), trial.why));
        trials_.push_back({{"rate", rate},
                           {"met", trial.outcome == trial_outcome::met},
                           {"outcome", to_string(trial.outcome)},
                           {"why", trial.why}});
        save(std::nullopt);
        return trial;
    }

    load_options options_;
    const threshold& target_;
    const load_generator& generate_;
    whole_output json_;
    std::chrono::milliseconds shortest_;
    nlohmann::ordered_json trials_ = nlohmann::ordered_json::array();
    std::string last_unknown_;
};

/// Returns the line that ends the search, and the exit status.
std::pair<std::string, int> summary_of(const knee& found, const std::string& target,
                                       const std::string& last_unknown) {
    const bool is_unknown = found.at_most == trial_outcome::unknown;
    if (found.least == 0 && is_unknown)
        return {fmt::format("it is not known at which rate {} is met: {}\n", target, last_unknown), 3};
    if (found.least == 0)
        return {fmt::format("{} is met at no rate{}\n", target,
                            last_unknown.empty() ? "" : " that could be tried (" + last_unknown + ")"),
                4};
    const auto met = fmt::format("{} is met up to {:.0f}", target, found.least);
    if (found.most == 0) return {met + " requests/s, and no higher rate was tried\n", 0};
    if (is_unknown)
        return {fmt::format("{} requests/s; whether it is met from {:.0f} on is not known: {}\n", met,
                            found.most, last_unknown),
                0};
    return {fmt::format("{} to {:.0f} requests/s\n", met, found.most), 0};
}

/// Searches the highest rate that meets the target.
int search_knee(const load_options& options, const threshold& target, const output_names& names,
                const load_generator& generate) {
    stop_signal::install(options.timeout);
    knee_trials trials{options, target, names, generate};
    knee_search search;
    if (options.rate) search.first = *options.rate;
    knee found;
    try {
        found = find_knee(search, [&](double rate) { return trials.attempt(rate); });
    } catch (const std::exception&) {
        trials.finish();
        throw;
    }
    trials.save(found);
    trials.finish();
    const auto [line, status] = summary_of(found, target.text, trials.last_unknown());
    trials.print(line);
    return status_after(status, {trials.failure()});
}

/// Serves controllers until a stop is requested.
int run_agent(const std::string& endpoint, const std::string& secret, const std::vector<address>& sources) {
    stop_signal::install(0ms);
    listener listener{address::resolve(endpoint).front(), {}};
    const auto print = [](const std::string& line) { write_notice(line + '\n'); };
    print(fmt::format("listening on {} (agent)", listener.addresses().front().to_string()));
    serve_controllers(listener, secret, sources, print);
    return 0;
}

} // namespace

int run_command(const load_arguments& arguments) {
    const auto& options = arguments.options;
    const auto& names = arguments.outputs;
    if (arguments.is_agent)
        return run_agent(arguments.agent_endpoint, read_secret(arguments.secret_file), options.sources);

    std::optional<controller_of_agents> controller;
    if (!options.agent_names.empty())
        controller.emplace(options.agent_names, read_secret(arguments.secret_file));
    const load_generator generate = [&](const load_options& run_options, int stop, const load_watch& watch,
                                        const intervals::take& complete) {
        return controller ? controller->run(run_options, stop, watch, complete)
                          : generate_load(run_options, stop, watch, complete);
    };
    if (arguments.knee_target) return search_knee(options, *arguments.knee_target, names, generate);
    if (!arguments.repeats) return run_once(options, names, generate);
    return names.against.empty() ? run_repeatedly(options, *arguments.repeats, names, generate)
                                 : run_alternately(options, *arguments.repeats, names, generate);
}

} // namespace parley
