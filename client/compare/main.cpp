// parley-compare: measures all concurrency models under the same load and reports significant differences.
// Read client/compare/README.md first.
#include "client/compare/analysis/answers.hpp"
#include "client/compare/analysis/capacity.hpp"
#include "client/compare/analysis/claims.hpp"
#include "client/compare/analysis/difference.hpp"
#include "client/compare/analysis/findings.hpp"
#include "client/compare/analysis/summary.hpp"
#include "client/compare/analysis/sweeps.hpp"
#include "client/compare/host/host_noise.hpp"
#include "client/compare/measure/progress.hpp"
#include "client/compare/measure/run_folder.hpp"
#include "client/compare/plan/options.hpp"
#include "client/compare/report/html_report.hpp"
#include "client/compare/report/text_chart.hpp"
#include "client/compare/report/text_table.hpp"
#include "common/command_line.hpp"
#include "common/escaped.hpp"
#include "common/human_numbers.hpp"
#include "common/output.hpp"
#include "common/process/stop_signal.hpp"
#include "common/replace_file.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

namespace parley {

namespace {

/// Measures the remaining cells of the plan until all are done or a shutdown is requested. Returns an error
/// message if a measurement could not be stored, otherwise an empty string.
std::string measure_rest(results& results, const run_folder& folder) {
    const auto& plan = results.planned;
    const auto count = plan.cells().size();
    const progress progress{count};
    for (auto left = cells_left(plan, results.done); !left.empty(); left = cells_left(plan, results.done)) {
        const auto& next = left.front();
        progress.show(count - left.size(),
                      plan.contenders[next.contender].name + ", " + plan.workloads[next.workload].id);
        const host_noise_watch noise;
        auto measurement = measure(plan, next);
        if (!measurement) return {};
        measurement->noise = noise.so_far();
        try {
            folder.add(plan, *measurement);
        } catch (const std::system_error& error) {
            return fmt::format("{}; {} measurements are stored: free some space, then --resume {}",
                               error.what(), results.done.size(), folder.file("").parent_path().string());
        }
        results.done.push_back(std::move(*measurement));
    }
    return {};
}

void print(const std::vector<std::string>& lines) {
    for (const auto& line : lines) print_result("{}\n", terminal_safe(line));
}

void print(const section& section, bool has_baseline) {
    print(table_of(section));
    print_result("\n");
    for (const auto& sentence : findings_of(section)) print(wrapped(sentence));
    if (has_baseline)
        for (const auto& sentence : ratios_of(section)) print(wrapped(sentence));
    print_result("\n");
}

/// Prints an answer: the deciding metric as bars, then the findings.
void print(const answer& answer, const section& section) {
    const auto& metric = metric_named(answer.metric);
    print(wrapped(fmt::format("{}: {}", answer.question, answer.headline)));
    print(wrapped(fmt::format("  {}, {}", section.load.to_string(), metric.title)));
    std::vector<bar> bars;
    for (const auto& [name, estimate] : rank(section, metric).rows)
        bars.push_back(
            {name, estimate.mean,
             fmt::format("{} {} ({})", format_scaled(estimate.mean), metric.unit, interval_text(estimate))});
    print(chart_of(bars));
    print(wrapped("  " + answer.margin, 2));
    for (const auto& sentence : answer.reason) print(wrapped("  " + sentence, 2));
    print_result("\n");
}

/// Prints headline and margin of each answer at the end of the output, because the charts have scrolled away.
void print_summary(const std::vector<answer>& answers) {
    if (answers.empty()) return;
    print_result("Which model for my service?\n");
    for (const auto& answer : answers) {
        print(wrapped(fmt::format("  {}: {}", answer.question, answer.headline), 4));
        print(wrapped("    " + answer.margin, 4));
    }
    print_result("\n");
}

/// Prints title and texts, if there are any.
void print_list(const char* title, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    print_result("{}\n", title);
    for (const auto& text : texts) print(wrapped("  " + text, 4));
    print_result("\n");
}

/// Prints the answers of a preset plan, or the tables of any other plan.
void print(const results& results, const std::string& baseline) {
    const auto sections = summarize(results.planned, results.done, baseline);
    const auto answers = answers_of(sections);
    for (const auto& answer : answers) print(answer, *section_of(sections, answer.workload));
    if (answers.empty() || !baseline.empty())
        for (const auto& section : sections) print(section, !baseline.empty());

    std::vector<std::string> texts;
    for (const auto& capacity : capacities_of(sections))
        texts.push_back(fmt::format("{}: {}", capacity.name, to_string(capacity)));
    print_list("Concurrent connections", texts);
    texts.clear();
    for (const auto& crossing : crossings_of(sections)) texts.push_back(to_string(crossing));
    print_list("Crossings", texts);

    const auto claims = claims_of(sections, results.planned.server_cores.size());
    for (const auto& claim : claims) {
        print(wrapped(fmt::format("{}: {}", claim.text.substr(0, claim.text.size() - 1), name_of(claim.is))));
        print(wrapped("  " + claim.evidence, 2));
    }
    if (!claims.empty()) print_result("\n");
    print(wrapped(circumstances(results.where, results.mean_noise(), results.planned)));
    if (const auto noise = noise_finding(sections); !noise.empty()) print(wrapped(noise));
    print_result("\n");
    print_summary(answers);
}

/// True if each measured server and each workload has a valid measurement.
bool are_all_valid(const results& results) {
    std::vector<bool> valid_servers(results.planned.contenders.size()), measured(valid_servers.size());
    std::vector<bool> valid_loads(results.planned.workloads.size());
    for (const auto& measurement : results.done) {
        const auto& cell = measurement.where;
        measured[cell.contender] = true;
        if (measurement.problem.empty()) valid_servers[cell.contender] = valid_loads[cell.workload] = true;
    }
    return valid_servers == measured && std::ranges::find(valid_loads, false) == valid_loads.end();
}

std::string now(const char* format) {
    return fmt::format(fmt::runtime(format), fmt::localtime(std::time(nullptr)));
}

/// Starts a run, or opens the run to resume. Returns the results so far and the folder.
std::pair<results, run_folder> begin(const compare_options& options) {
    if (!options.resume.empty()) {
        auto folder = run_folder::open(options.resume);
        folder.lock();
        auto results = folder.load();
        find_programs(results.planned, options);
        try {
            // A complete run gets a new report only, which needs neither the same machine nor the programs.
            if (!is_complete(results.planned, results.done)) results.check_origin();
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument(fmt::format("{}: {}", options.resume, error.what()));
        }
        check_baseline(results.planned, options.baseline);
        return {std::move(results), std::move(folder)};
    }
    results results{plan_of(options), machine::here(), now("{:%Y-%m-%d %H:%M}"), {}};
    check_baseline(results.planned, options.baseline);
    results.programs = digests_of(results.planned);
    const auto path = options.output.empty() ? now("results/{:%Y-%m-%d-%H%M%S}") : options.output;
    auto folder = run_folder::create(path, results);
    return {std::move(results), std::move(folder)};
}

/// Writes to the file `name`, or to standard output if `name` refers to it.
void write_json(const std::string& name, const std::string& text) {
    is_standard_output(name) ? write_result(text) : replace_file(name, text);
}

int measure_and_report(const compare_options& options) {
    // Before the measurements: an error should not appear after minutes.
    if (!options.json_file.empty()) check_replaceable(options.json_file);
    auto [results, folder] = begin(options);
    const auto& plan = results.planned;
    const auto count = plan.cells().size();

    stop_signal::install({});
    print_result("parley-compare " PARLEY_VERSION ": {} servers, {} workloads, {} measurements, seed {}\n\n",
                 plan.contenders.size(), plan.workloads.size(), count, plan.seed);
    flush_results();

    std::vector<std::string> failures{measure_rest(results, folder)};
    // Files first, then text. A failure of one of them must not prevent the others.
    const auto keep = [&](const std::function<void()>& write) {
        try {
            write();
        } catch (const std::exception& error) {
            failures.emplace_back(error.what());
        }
    };
    const auto text = json_of(results).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    keep([&] { folder.write("result.json", text); });
    keep([&] { folder.write("report.html", html_of(results, options.baseline)); });
    // A pipe gets the JSON after the text: it may be standard output.
    const auto& copy = options.json_file;
    const bool is_pipe = !can_be_replaced(copy);
    if (!copy.empty() && !is_pipe) keep([&] { replace_file(copy, text); });

    print(results, options.baseline);
    flush_results();
    if (is_pipe) keep([&] { write_json(copy, text); });
    print_result("The report: {}\n", std::filesystem::absolute(folder.file("report.html")).string());
    std::erase(failures, "");
    for (const auto& failure : failures) print_message("parley-compare: {}\n", terminal_safe(failure));

    if (const auto left = cells_left(plan, results.done).size()) {
        print_result("INCOMPLETE: stopped after {} of {} measurements; continue with --resume {}\n",
                     count - left, count, folder.file("").parent_path().string());
        return 130; // 128 + SIGINT, as a shell reports it
    }
    return are_all_valid(results) && failures.empty() ? 0 : 1;
}

int show_difference(const compare_options& options) {
    const auto comparison = compare(results_at(options.diff.at(0)), results_at(options.diff.at(1)));
    if (!options.json_file.empty())
        write_json(options.json_file,
                   json_of(comparison).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
    print(table_of(comparison));
    return 0;
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    CLI::App app{"Compares concurrency models under the same load and reports significant differences.",
                 "parley-compare"};
    parley::compare_options options;
    parley::describe_options(app, options);
    return parley::run_program(app, count, words, [&] {
        return options.diff.empty() ? parley::measure_and_report(options) : parley::show_difference(options);
    });
}
