// What a run leaves behind for programs: thresholds and exit status, tables, histograms that others' libraries
// read, comparisons with an earlier run.
#include "client/load/analysis/outcome.hpp"
#include "client/load/engine/run_load.hpp"
#include "client/load/output/csv.hpp"
#include "client/load/output/hdr_histogram.hpp"
#include "client/load/output/report.hpp"
#include "client/load/repeated_runs.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/temporary_folder.hpp"

#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

namespace parley {

using namespace std::chrono_literals;

namespace {

load_result a_run() {
    load_result result;
    result.counted = 10s;
    result.stats.answered = 100'000;
    for (int each = 0; each < 100'000; ++each) result.stats.latency.record(each < 98'000 ? 1ms : 20ms);
    return result;
}

bool meets(const char* text, const load_result& result) { return is_met(parse_threshold(text), result); }

std::string text_of(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> all;
    std::istringstream from{text};
    for (std::string line; std::getline(from, line);) all.push_back(line);
    return all;
}

int parley_load(std::vector<std::string> words, std::string* errors = nullptr) {
    words.insert(words.begin(), PARLEY_LOAD);
    subprocess program{std::move(words), subprocess::errors::kept};
    const auto end = program.wait(60s);
    if (errors) *errors = program.error_output();
    return end ? end->exit_code().value_or(-1) : -1;
}

} // namespace

TEST_CASE("thresholds are met or missed") {
    const auto result = a_run();
    CHECK(meets("p50<2ms", result));
    CHECK(meets("p97.5<=1.1ms", result));
    CHECK_FALSE(meets("p99<10ms", result));
    CHECK(meets("p99<0.1s", result));
    CHECK(meets("max>=20ms", result));
    CHECK_FALSE(meets("mean<1000us", result));
    CHECK(meets("rate>9999", result));
    CHECK_FALSE(meets("rate>10000", result));
    CHECK(meets("rate>=10000", result));
    CHECK(meets("errors=0", result));
    CHECK(meets("wrong=0", result));
    CHECK(meets("lost<1", result));
    CHECK(meets("unanswered=0", result));
    CHECK(meets("fairness=1", result));
    CHECK(measured_text(parse_threshold("p99<10ms"), result) == "20.0 ms");
    CHECK(measured_text(parse_threshold("rate>1"), result) == "10,000");
    CHECK(meets("p99<5000000000ns", result));
}

TEST_CASE("fairness is that of the connections' answers") {
    auto result = a_run();
    result.shares = {3, 1};
    CHECK(meets("fairness<0.81", result));
    CHECK(meets("fairness>0.79", result));
    CHECK(measured_text(parse_threshold("fairness>0.9"), result) == "0.800");
}

TEST_CASE("thresholds that are none are refused") {
    for (const auto* text : {"", "p99", "p99<", "p99<10", "p99<ms", "p0<1ms", "p100<1ms", "speed>5", "rate>5ms",
                             "rate>-5", "errors", "p99<10 ms", "<5", "rate>nan"})
        CHECK_THROWS_AS(parse_threshold(text), std::invalid_argument);
}

TEST_CASE("a failure comes before a doubt, and a doubt before a threshold") {
    auto result = a_run();
    result.served = 10;
    load_options options;
    options.connections = 10;
    options.total = 100'000;
    CHECK(conclude(options, result).exit_status() == 0);
    options.thresholds = {parse_threshold("rate>5000"), parse_threshold("p99<10ms")};
    CHECK(conclude(options, result).exit_status() == 4);
    CHECK(conclude(options, result).missed.size() == 1);
    result.max_thread_cpu = 1;
    CHECK(conclude(options, result).exit_status() == 3);
    result.stats.errors.add({phase::read, "recv", "ECONNRESET", "it has gone"});
    CHECK(conclude(options, result).exit_status() == 1);
    options.thresholds.push_back(parse_threshold("errors<5")); // then a few are no failure
    CHECK(conclude(options, result).exit_status() == 3);
}

TEST_CASE("two series differ only as far as their spread lets them") {
    const auto steady = sample_of({100, 101, 99, 100, 100, 100});
    const auto faster = sample_of({110, 111, 109, 110, 110, 110});
    const auto noisy = sample_of({60, 160, 80, 140, 110, 110});
    using said = difference::judgement;
    CHECK(compare("rate", steady, faster, true).said == said::better);
    CHECK(compare("rate", faster, steady, true).said == said::worse);
    CHECK(compare("p99", steady, faster, false).said == said::worse);
    CHECK(compare("rate", steady, noisy, true).said == said::cannot_tell);
    CHECK(compare("rate", steady, steady, true).said == said::cannot_tell);
    CHECK(compare("rate", {}, faster, true).said == said::cannot_tell);

    // Six and six values: t of 10 degrees for 98.33 % is 2.870, the standard error of each mean 0.2582.
    const auto change = compare("rate", steady, faster, true);
    CHECK(change.least == doctest::Approx(0.1 - 2.870 * 0.3651 / 100).epsilon(0.001));
    CHECK(change.most == doctest::Approx(0.1 + 2.870 * 0.3651 / 100).epsilon(0.001));
}

TEST_CASE("of fewer than six runs a side, only the change is told") {
    const auto few = sample_of({100, 101, 99, 100, 100}), more = sample_of({200, 201, 199, 200, 200, 200});
    const auto change = compare("rate", few, more, true);
    CHECK_FALSE(change.is_judged);
    CHECK(change.said == difference::judgement::cannot_tell);
    CHECK(change.least == 1);
    CHECK(to_string(change) ==
          "rate  100/s before, 200/s now (+100.0 %): to judge it, compare two series (--repeat 6)");
    CHECK_FALSE(compare_pairs("rate", {1, 2, 3, 4, 5}, {2, 4, 6, 8, 10}, true).is_judged);
}

TEST_CASE("of a hundred pairs of equal series, about five have any difference") {
    std::mt19937_64 random{11};
    std::normal_distribution<double> noise{1'000, 50}, machine{0, 100};
    const auto is_told = [](const std::vector<difference>& changes) {
        return std::ranges::any_of(
            changes, [](const auto& each) { return each.said != difference::judgement::cannot_tell; });
    };
    int apart = 0, in_turns = 0, found = 0;
    for (int each = 0; each < 1'000; ++each) {
        interval_metrics one, other, faster;
        for (const auto figure :
             {&interval_metrics::rate, &interval_metrics::p50_ms, &interval_metrics::p99_ms}) {
            for (int run = 0; run < 6; ++run) {
                const double slow = machine(random); // of the machine, at this moment
                (one.*figure).push_back(noise(random) + slow);
                (other.*figure).push_back(noise(random) + slow);
                (faster.*figure).push_back(1.2 * (noise(random) + slow));
            }
        }
        in_turns += is_told(compare_in_turns(one, other));
        found += compare_in_turns(one, faster).front().said == difference::judgement::better;
        std::vector<difference> changes;
        for (int figure = 0; figure < 3; ++figure) {
            std::vector<double> series(6), later(6);
            for (auto& value : series) value = noise(random);
            for (auto& value : later) value = noise(random);
            changes.push_back(compare("rate", sample_of(series), sample_of(later), true));
        }
        apart += is_told(changes);
    }
    for (const int told : {apart, in_turns}) {
        CHECK(told > 25);
        CHECK(told < 75);
    }
    CHECK(found > 850);
}

TEST_CASE("a baseline that tells nothing, or was made otherwise, is refused") {
    load_options options;
    options.duration = 10s;
    const auto asked = options_for_programs(options);
    auto result = a_run();
    const nlohmann::json right = json_report(options, result, conclude(options, result));
    REQUIRE(right["verdict"]["valid"] == true);
    CHECK_NOTHROW(check_comparable(right, asked));
    auto elsewhere = options;
    elsewhere.target = "another:1";
    CHECK_NOTHROW(check_comparable(right, options_for_programs(elsewhere)));
    auto otherwise = options;
    otherwise.connections = 7;
    CHECK_THROWS_WITH_AS(check_comparable(right, options_for_programs(otherwise)),
                         "it was made with connections 1, and now it is 7: give the same options",
                         std::runtime_error);
    result.max_thread_cpu = 1;
    const nlohmann::json invalid = json_report(options, result, conclude(options, result));
    CHECK_THROWS_WITH_AS(check_comparable(invalid, asked),
                         "its figures are not valid (generator-bound): measure it again", std::runtime_error);
    result.stats.errors.add({phase::read, "recv", "ECONNRESET", "it has gone"});
    const nlohmann::json failed = json_report(options, result, conclude(options, result));
    CHECK_THROWS_WITH_AS(check_comparable(failed, asked), "that run has failed: 1 error: measure it again",
                         std::runtime_error);
    repeated_load none;
    none.add(options, result);
    CHECK_THROWS_WITH_AS(check_comparable(none.to_json({}), asked), "none of its runs counts: measure it again",
                         std::runtime_error);
}

TEST_CASE("a series tells of the runs that count, and ends as its worst run") {
    load_options options;
    options.duration = 10s;
    options.thresholds = {parse_threshold("rate>9000")};
    repeated_load all;
    for (const std::uint64_t answered : {98'000, 100'000, 102'000, 100'000}) {
        auto result = a_run();
        result.stats.answered = answered;
        CHECK(all.add(options, result).find(" requests/s   p50") != std::string::npos);
    }
    CHECK(all.exit_status() == 0);
    CHECK(all.text_report({}).find("rate, req/s   10,000 (95 %: 9,7") != std::string::npos);
    auto result = a_run();
    result.stats.answered = 80'000;
    CHECK(all.add(options, result).find("MISSED rate>9000") != std::string::npos);
    CHECK(all.exit_status() == 4);
    result.max_thread_cpu = 1;
    CHECK(all.add(options, result).starts_with("run 6   INVALID, not counted: "));
    CHECK(all.exit_status() == 3);
    result.stats.errors.add({phase::read, "recv", "ECONNRESET", "it has gone"});
    CHECK(all.add(options, result).starts_with("run 7   FAILED: 1 error"));
    CHECK(all.exit_status() == 1);
    CHECK(all.figures().rate.size() == 5);
    const auto report = all.to_json({});
    CHECK(report["runs"].size() == 7);
    CHECK(report["figures"]["rate"]["count"] == 5);
    CHECK(report["figures"]["rate"]["least"] < 9600);
    CHECK(report["figures"]["rate"]["most"] > 9600);
    const auto same =
        compare_with(nlohmann::json::parse(report.dump()), all.figures(), figures_are::of_a_series);
    CHECK(same.front().said == difference::judgement::cannot_tell);
}

TEST_CASE("the encoding is that of HdrHistogram") {
    // The cookie of the compressed V2 encoding, and what follows it, in base64.
    histogram times;
    times.record(1ns);
    times.record(1'000'000ns);
    CHECK(encoded(times).starts_with("HISTFAAA"));
    CHECK(log_head(std::chrono::system_clock::time_point{1'500ms})
              .find("#[StartTime: 1.500 (seconds since epoch)]") != std::string::npos);
    const auto line = log_line(2s, 1s, times);
    CHECK(line.starts_with("2.000,1.000,1.000,HISTFAAA"));
    CHECK(line.back() == '\n');
}

TEST_CASE("the text of percentiles rises to 100 %, with a finer step towards the tail") {
    histogram times;
    for (int each = 1; each <= 10'000; ++each) times.record(each * 1us);
    const auto lines = lines_of(percentile_text(times));
    REQUIRE(lines.size() > 20);
    CHECK(lines[0].find("Value") != std::string::npos);
    CHECK(lines.back().starts_with("#[Buckets"));
    double value_before = 0, percent_before = -1;
    std::uint64_t count = 0;
    for (std::size_t each = 2; each + 3 < lines.size(); ++each) {
        double value = 0, percent = 0;
        std::istringstream{lines[each]} >> value >> percent >> count;
        CHECK(value >= value_before);
        CHECK(percent > percent_before);
        value_before = value, percent_before = percent;
    }
    CHECK(count == 10'000);
    CHECK(percent_before == 1);
    CHECK(value_before == doctest::Approx(10));
}

TEST_CASE("the histogram is within its error of exact quantiles, for five distributions") {
    constexpr std::size_t count = 1'000'000;
    std::mt19937_64 random{5};
    std::uniform_real_distribution<double> uniform{1, 1e9};
    std::exponential_distribution<double> exponential{1e-6};
    std::lognormal_distribution<double> lognormal{12, 2};
    std::normal_distribution<double> low{2e5, 1e4}, high{4e7, 1e5};
    std::bernoulli_distribution is_high{0.01};
    const std::vector<std::function<double()>> distributions{
        [&] { return uniform(random); }, [&] { return exponential(random); }, [&] { return lognormal(random); },
        [&] { return 1e3 * std::pow(1 - std::generate_canonical<double, 53>(random), -1 / 1.5); }, // Pareto
        [&] { return is_high(random) ? high(random) : low(random); }};
    for (const auto& next : distributions) {
        std::vector<std::int64_t> exact(count);
        histogram times;
        for (auto& each : exact) {
            each = std::clamp<std::int64_t>(std::llround(next()), 0, histogram::maximum.count());
            times.record(std::chrono::nanoseconds{each});
        }
        std::sort(exact.begin(), exact.end());
        for (const double percent : {0.1, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999}) {
            const auto rank = static_cast<std::size_t>(std::ceil(percent * count / 100 - 1e-6));
            const auto right = exact[rank - 1];
            const auto told = times.value_at_percentile(percent).count();
            CHECK(told >= right);
            CHECK(static_cast<double>(told) <= static_cast<double>(right) * (1 + 1.0 / 1024) + 1);
        }
        CHECK(times.max().count() == exact.back());
    }
}

TEST_CASE("each interval is a row, and together they are the run") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    load_options options;
    options.target = server.where().to_string();
    options.connections = 4;
    options.threads = 2;
    options.duration = 500ms;
    options.warm_up = 0s;
    options.interval = 100ms;
    std::vector<interval> all;
    const auto result = generate_load(options, -1, {}, [&](const interval& one) { all.push_back(one); });
    REQUIRE(all.size() == 5);
    histogram together;
    std::uint64_t asked = 0;
    for (std::size_t each = 0; each < all.size(); ++each) {
        CHECK(all[each].begin == each * 100ms);
        CHECK(all[each].length == 100ms);
        together.add(all[each].latency);
        asked += all[each].asked;
    }
    CHECK(together.count() == result.stats.answered); // what came after the end is in no interval
    CHECK(together.max() <= result.stats.latency.max());
    CHECK(asked <= result.stats.all_asked);
    CHECK(result.parts.rate.size() == 5);
    CHECK(csv_row(all[0]).starts_with("0.000,0.100,"));
    const auto columns = [](const std::string& row) { return std::count(row.begin(), row.end(), ','); };
    CHECK(columns(csv_row(all[0])) == columns(csv_head()));
}

TEST_CASE("parley-load writes its files, compares with an earlier run, and judges thresholds") {
    const temporary_folder folder;
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    const std::vector<std::string> common{
        server.where().to_string(), "--duration", "600ms", "--warm-up", "0s", "--connections", "2"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), common.begin(), common.end());
        return more;
    };
    const auto name = [&](const char* file) { return folder.file(file); };
    const int code = parley_load(
        with({"--json", name("old"), "--csv", name("csv"), "--hdr", name("hdr"), "--hlog", name("hlog"),
              "--interval", "100ms", "--threshold", "rate>0", "--threshold", "errors=0"}));
    CHECK((code == 0 || code == 3));
    CHECK(lines_of(text_of(name("csv"))).size() == 7);
    CHECK(text_of(name("hdr")).find("#[Mean") != std::string::npos);
    CHECK(lines_of(text_of(name("hlog"))).size() == 9);
    const auto old = nlohmann::json::parse(text_of(name("old")));
    CHECK(old["thresholds"].size() == 2);
    CHECK(old["thresholds"][0]["met"] == true);
    CHECK(old["intervals"]["rate"]["count"] == 6);

    if (code == 0) {
        const int again = parley_load(with({"--baseline", name("old"), "--json", name("new")}));
        CHECK((again == 0 || again == 3));
        const auto changes = nlohmann::json::parse(text_of(name("new")))["baseline"];
        REQUIRE(changes.size() == 3);
        CHECK(changes[0]["figure"] == "rate");
        CHECK(changes[0]["before"] == old["intervals"]["rate"]["mean"]);
        CHECK(changes[0]["judgement"] == "cannot tell"); // of two single runs
        CHECK(parley_load(with({"--baseline", name("old"), "--size", "9"})) == 2);
    }

    const int missed = parley_load(with({"--threshold", "rate>1000000000"}));
    CHECK((missed == 4 || missed == 3));

    const int series = parley_load(with({"--repeat", "4", "--json", name("series")}));
    CHECK((series == 0 || series == 3));
    const auto runs = nlohmann::json::parse(text_of(name("series")));
    CHECK(runs["schema"] == "parley-load-repeats/1");
    CHECK(runs["runs"].size() == 4);
    CHECK(runs["runs"][3]["options"]["duration_ms"] == 600);
    if (series == 0) {
        const int after = parley_load(with({"--baseline", name("series"), "--json", name("new")}));
        CHECK((after == 0 || after == 3));
        CHECK(nlohmann::json::parse(text_of(name("new")))["baseline"][0]["before"] ==
              runs["figures"]["rate"]["mean"]);
    }
    const scripted_server other{[](connection& connection, int) { echo(connection); }};
    const auto there = other.where().to_string();
    const int turns = parley_load({server.where().to_string(), "--requests", "200", "--repeat", "6",
                                   "--against", there, "--json", name("turns")});
    CHECK((turns == 0 || turns == 3));
    const auto both = nlohmann::json::parse(text_of(name("turns")));
    CHECK(both["runs"].size() == 6);
    CHECK(both["against"]["runs"].size() == 6);
    CHECK(both["against"]["runs"][0]["options"]["target"] == there);
    CHECK(both["baseline"][0]["figure"] == "rate");
    CHECK(parley_load(with({"--against", there})) == 2);
    CHECK(parley_load(with({"--repeat", "6", "--against", there, "--baseline", name("old")})) == 2);
    CHECK(parley_load(with({"--repeat", "3"})) == 2);
    CHECK(parley_load(with({"--repeat", "4", "--csv", name("csv")})) == 2);
    CHECK(parley_load(with({"--repeat", "4", "--find-knee", "p99<1s"})) == 2);

    std::string errors;
    CHECK(parley_load(with({"--baseline", name("csv")}), &errors) == 2);
    CHECK(errors.find("cannot be read, or is no JSON") != std::string::npos);
    std::ofstream{name("other")} << "{\"schema\": \"parley-compare/1\"}";
    CHECK(parley_load(with({"--baseline", name("other")}), &errors) == 2);
    CHECK(errors.find("it has the unknown form") != std::string::npos);
    CHECK(parley_load(with({"--threshold", "p99"})) == 2);
    CHECK(parley_load(with({"--interval", "1ms"})) == 2);
    CHECK(parley_load(with({"--csv", "/nonexistent/file"})) == 1);
}

TEST_CASE("the reference library reads the log back equal") {
    if (std::system("node --version >/dev/null 2>&1 && npm --version >/dev/null 2>&1") != 0) {
        MESSAGE("not tested: node and npm are not there");
        return;
    }
    const temporary_folder folder;
    const auto install = fmt::format("cd '{}' && timeout 60 npm install --prefer-offline --silent --no-audit "
                                     "--no-fund hdr-histogram-js@3.0.1 "
                                     ">/dev/null 2>&1",
                                     folder.path());
    if (std::system(install.c_str()) != 0) {
        MESSAGE("not tested: npm cannot install hdr-histogram-js");
        return;
    }
    histogram times;
    std::mt19937_64 random{3};
    std::lognormal_distribution<double> lognormal{13, 2};
    for (int each = 0; each < 50'000; ++each)
        times.record(std::chrono::nanoseconds{std::llround(lognormal(random))});
    std::ofstream{folder.file("encoded")} << encoded(times);
    std::ofstream{folder.file("read.js")} << R"(const hdr = require('hdr-histogram-js');
const read = hdr.decodeFromCompressedBase64(require('fs').readFileSync('encoded', 'utf8'));
console.log([read.totalCount, ...[1, 50, 90, 99, 99.9, 100].map(p => read.getValueAtPercentile(p))].join(' '));
)";
    REQUIRE(std::system(fmt::format("cd '{}' && node read.js > answer", folder.path()).c_str()) == 0);
    std::istringstream answer{text_of(folder.file("answer"))};
    std::uint64_t count = 0;
    answer >> count;
    CHECK(count == times.count());
    for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9}) {
        std::int64_t value = 0;
        answer >> value;
        CHECK(value == times.value_at_percentile(percent).count());
    }
    std::int64_t most = 0; // the largest value of its slot, where we know the largest time
    answer >> most;
    CHECK(most >= times.max().count());
    CHECK(static_cast<double>(most) <= static_cast<double>(times.max().count()) * (1 + 1.0 / 1024));
}

} // namespace parley
