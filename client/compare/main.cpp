// parley-compare: the same load on every concurrency model, side by side, on the reader's own machine.
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

/// Goes through what is left of the plan until it is done or a stop is requested. What a cell has shown that a
/// model cannot do is not measured again.
///
/// Returns why a measurement could not be kept; empty: all are.
std::string measure_rest(results& all, const run_folder& folder) {
    const auto planned = all.planned.cells();
    const progress shown{planned.size()};
    for (auto left = cells_left(all.planned, all.done); !left.empty();
         left = cells_left(all.planned, all.done)) {
        const auto& next = left.front();
        shown.show(planned.size() - left.size(), all.planned.contenders[next.contender].name + ", " +
                                                     all.planned.workloads[next.workload].id);
        const host_noise_watch watch;
        auto one = measure(all.planned, next);
        if (!one) return {};
        one->meanwhile = watch.so_far();
        try {
            folder.add(all.planned, *one);
        } catch (const std::system_error& full) {
            return fmt::format("{}; the {} measurements before are kept: make room, then --resume {}",
                               full.what(), all.done.size(), folder.file("").parent_path().string());
        }
        all.done.push_back(std::move(*one));
    }
    return {};
}

void print(const std::vector<std::string>& lines) {
    for (const auto& line : lines) print_result("{}\n", terminal_safe(line));
}

void print(const section& one, bool has_baseline) {
    print(table_of(one));
    print_result("\n");
    for (const auto& sentence : findings_of(one)) print(wrapped(sentence));
    if (has_baseline)
        for (const auto& sentence : ratios_of(one)) print(wrapped(sentence));
    print_result("\n");
}

/// What decides, as bars, and below them what they show.
void print(const answer& one, const section& from) {
    const auto& by = metric_named(one.metric);
    print(wrapped(fmt::format("{}: {}", one.question, one.headline)));
    print(wrapped(fmt::format("  {}, {}", from.load.to_string(), by.title)));
    std::vector<bar> bars;
    for (const auto& [name, value] : rank(from, by).rows)
        bars.push_back({name, value.mean,
                        fmt::format("{} {} ({})", format_scaled(value.mean), by.unit, interval_text(value))});
    print(chart_of(bars));
    print(wrapped("  " + one.margin, 2));
    for (const auto& sentence : one.reason) print(wrapped("  " + sentence, 2));
    print_result("\n");
}

/// The answers once more, in words alone, where a terminal ends: all else has scrolled away by then.
void print_in_words(const std::vector<answer>& answers) {
    if (answers.empty()) return;
    print_result("Which model for my service?\n");
    for (const auto& each : answers) {
        print(wrapped(fmt::format("  {}: {}", each.question, each.headline), 4));
        print(wrapped("    " + each.margin, 4));
    }
    print_result("\n");
}

/// A plan of one's own is shown in tables, the others by their answers.
void print(const results& all, const std::string& baseline) {
    const auto sections = summarize(all.planned, all.done, baseline);
    const auto answers = answers_of(sections);
    for (const auto& each : answers) print(each, *section_of(sections, each.workload));
    if (answers.empty() || !baseline.empty())
        for (const auto& each : sections) print(each, !baseline.empty());

    const auto capacities = capacities_of(sections);
    if (!capacities.empty()) print_result("Connections at a time\n");
    for (const auto& each : capacities) print(wrapped(fmt::format("  {}: {}", each.name, to_string(each)), 4));
    if (!capacities.empty()) print_result("\n");

    const auto crossings = crossings_of(sections);
    if (!crossings.empty()) print_result("Where curves cross\n");
    for (const auto& each : crossings) print(wrapped("  " + to_string(each), 4));
    if (!crossings.empty()) print_result("\n");

    const auto claims = claims_of(sections, all.planned.server_cores.size());
    for (const auto& each : claims) {
        print(wrapped(fmt::format("{}: {}", each.text.substr(0, each.text.size() - 1), name_of(each.is))));
        print(wrapped("  " + each.evidence, 2));
    }
    if (!claims.empty()) print_result("\n");
    print(wrapped(circumstances(all.where, all.meanwhile(), all.planned)));
    if (const auto noise = noise_finding(sections); !noise.empty()) print(wrapped(noise));
    print_result("\n");
    print_in_words(answers);
}

/// Has every server, and every workload, a measurement that counts?
bool all_count(const results& all) {
    std::vector<bool> servers(all.planned.contenders.size()), loads(all.planned.workloads.size());
    std::vector<bool> asked(servers.size());
    for (const auto& one : all.done) {
        asked[one.where.contender] = true;
        if (!one.problem.empty()) continue;
        servers[one.where.contender] = loads[one.where.workload] = true;
    }
    return servers == asked && std::ranges::find(loads, false) == loads.end();
}

std::string now(const char* form) {
    return fmt::format(fmt::runtime(form), fmt::localtime(std::time(nullptr)));
}

/// The results so far, and the folder where they go.
std::pair<results, run_folder> begin(const compare_options& wanted) {
    if (!wanted.resume.empty()) {
        auto folder = run_folder::open(wanted.resume);
        folder.lock();
        auto all = folder.load();
        find_programs(all.planned, wanted);
        try {
            if (!is_complete(all.planned, all.done)) all.check_origin(); // else only the report is made again
        } catch (const std::invalid_argument& reason) {
            throw std::invalid_argument(fmt::format("{}: {}", wanted.resume, reason.what()));
        }
        check_baseline(all.planned, wanted.baseline);
        return {std::move(all), std::move(folder)};
    }
    results all{plan_of(wanted), machine::here(), now("{:%Y-%m-%d %H:%M}"), {}};
    check_baseline(all.planned, wanted.baseline);
    all.programs = digests_of(all.planned);
    const auto at = wanted.output.empty() ? now("results/{:%Y-%m-%d-%H%M%S}") : wanted.output;
    auto folder = run_folder::create(at, all);
    return {std::move(all), std::move(folder)};
}

/// To a file, or to standard output if `name` leads there.
void write_json(const std::string& name, const std::string& text) {
    is_standard_output(name) ? write_result(text) : replace_file(name, text);
}

int measure_and_report(const compare_options& wanted) {
    if (!wanted.json_file.empty()) check_replaceable(wanted.json_file); // not only after minutes of work
    auto [all, folder] = begin(wanted);
    const auto planned = all.planned.cells().size();

    stop_signal::install({});
    print_result("parley-compare " PARLEY_VERSION ": {} servers, {} workloads, {} measurements, seed {}\n\n",
                 all.planned.contenders.size(), all.planned.workloads.size(), planned, all.planned.seed);
    flush_results();

    std::vector<std::string> failures{measure_rest(all, folder)};
    // Files first, each for itself, then words: whatever is lost takes nothing else along.
    const auto keep = [&](const std::function<void()>& write) {
        try {
            write();
        } catch (const std::exception& reason) {
            failures.emplace_back(reason.what());
        }
    };
    const auto text = record_of(all).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    keep([&] { folder.write("result.json", text); });
    keep([&] { folder.write("report.html", html_of(all, wanted.baseline)); });
    // A pipe comes after the words: it may be the one that they go to.
    const auto& copy = wanted.json_file;
    const bool is_pipe = !can_be_replaced(copy);
    if (!copy.empty() && !is_pipe) keep([&] { replace_file(copy, text); });

    print(all, wanted.baseline);
    flush_results();
    if (is_pipe) keep([&] { write_json(copy, text); });
    print_result("The report: {}\n", std::filesystem::absolute(folder.file("report.html")).string());
    std::erase(failures, "");
    for (const auto& failure : failures) print_message("parley-compare: {}\n", terminal_safe(failure));

    if (const auto left = cells_left(all.planned, all.done).size()) {
        print_result("INCOMPLETE: stopped after {} of {} measurements. To go on: --resume {}\n", planned - left,
                     planned, folder.file("").parent_path().string());
        return 130; // as a shell tells of a program that SIGINT has ended
    }
    return all_count(all) && failures.empty() ? 0 : 1;
}

int show_difference(const compare_options& wanted) {
    const auto both = compare(results_at(wanted.diff.at(0)), results_at(wanted.diff.at(1)));
    if (!wanted.json_file.empty())
        write_json(wanted.json_file,
                   json_of(both).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n');
    print(table_of(both));
    return 0;
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    CLI::App app{"Runs every concurrency model under the same load, and says which differ.", "parley-compare"};
    parley::compare_options options;
    parley::describe_options(app, options);
    return parley::run_program(app, count, words, [&] {
        return options.diff.empty() ? parley::measure_and_report(options) : parley::show_difference(options);
    });
}
