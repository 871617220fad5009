// parley-compare: the same load on every concurrency model, side by side, on the reader's own machine.
#include "client/compare/disturbance.hpp"
#include "client/compare/findings.hpp"
#include "client/compare/machine.hpp"
#include "client/compare/measure.hpp"
#include "client/compare/options.hpp"
#include "client/compare/progress.hpp"
#include "client/compare/record.hpp"
#include "client/compare/summary.hpp"
#include "client/compare/table.hpp"
#include "common/check.hpp"
#include "common/command_line.hpp"
#include "common/stop_signal.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>

namespace parley {

namespace {

/// Goes through the plan until it is done or a stop is requested.
std::vector<measurement> measure_all(const plan& all) {
    const auto cells = all.cells();
    const progress shown{cells.size()};
    std::vector<measurement> done;
    for (const auto& each : cells) {
        shown.show(done.size(), all.contenders[each.contender].name + ", " + all.workloads[each.workload].name);
        auto one = measure(all, each);
        if (!one) break;
        done.push_back(std::move(*one));
    }
    return done;
}

void print(const std::vector<std::string>& lines) { fmt::print("{}\n", fmt::join(lines, "\n")); }

void print(const section& one, bool has_baseline) {
    print(table_of(one));
    fmt::print("\n");
    for (const auto& sentence : findings_of(one)) print(wrapped(sentence));
    if (has_baseline)
        for (const auto& sentence : ratios_of(one)) print(wrapped(sentence));
    fmt::print("\n");
}

int compare(const compare_options& wanted) {
    const auto all = plan_of(wanted);
    const auto planned = all.cells().size();
    const auto where = machine::here();
    // Opened before the work: a wrong path must not be found out after minutes.
    std::ofstream record{wanted.json_file.empty() ? "/dev/null" : wanted.json_file};
    if (!record) throw_errno("open", wanted.json_file);

    stop_signal::install({});
    fmt::print("parley-compare " PARLEY_VERSION ": {} servers x {} workloads x {} rounds, seed {}\n\n",
               all.contenders.size(), all.workloads.size(), all.rounds, all.seed);
    std::fflush(stdout);

    const disturbance_watch watch;
    const auto done = measure_all(all);
    const auto meanwhile = watch.so_far();
    for (const auto& each : summarize(all, done, wanted.baseline)) print(each, !wanted.baseline.empty());
    print(wrapped(circumstances(where, meanwhile, all)));
    std::fflush(stdout);
    record << record_of(all, done, where, meanwhile);
    if (!record.flush()) throw_errno("write", wanted.json_file);

    if (done.size() != planned) {
        fmt::print("\nINCOMPLETE: stopped after {} of {} measurements.\n", done.size(), planned);
        return 130; // as a shell tells of a program that SIGINT has ended
    }
    return std::ranges::all_of(done, [](const auto& one) { return one.problem.empty(); }) ? 0 : 1;
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    CLI::App app{"Runs every concurrency model under the same load, and says which differ.", "parley-compare"};
    parley::compare_options options;
    parley::describe_options(app, options);
    return parley::run_program(app, count, words, [&] { return parley::compare(options); });
}
