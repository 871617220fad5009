// The output of a run for other programs: exit status and thresholds, CSV, HdrHistogram files, and the
// comparison with an earlier run.
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

load_result example_result() {
    load_result result;
    result.counted = 10s;
    result.stats.answered = 100'000;
    for (int i = 0; i < 100'000; ++i) result.stats.latency.record(i < 98'000 ? 1ms : 20ms);
    return result;
}

bool meets(const char* text, const load_result& result) { return is_met(parse_threshold(text), result); }

std::string read_file(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream{text};
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

int parley_load(std::vector<std::string> arguments, std::string* errors = nullptr) {
    arguments.insert(arguments.begin(), PARLEY_LOAD);
    subprocess program{std::move(arguments), subprocess::errors::kept};
    const auto end = program.wait(60s);
    if (errors) *errors = program.error_output();
    return end ? end->exit_code().value_or(-1) : -1;
}

} // namespace

TEST_CASE("thresholds are met or missed") {
    const auto result = example_result();
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

TEST_CASE("fairness is that of the connections' replies") {
    auto result = example_result();
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

TEST_CASE("a failure comes before an invalid run, and that before a missed threshold") {
    auto result = example_result();
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
    CHECK(compare("rate", steady, faster, true).result == said::better);
    CHECK(compare("rate", faster, steady, true).result == said::worse);
    CHECK(compare("p99", steady, faster, false).result == said::worse);
    CHECK(compare("rate", steady, noisy, true).result == said::cannot_tell);
    CHECK(compare("rate", steady, steady, true).result == said::cannot_tell);
    CHECK(compare("rate", {}, faster, true).result == said::cannot_tell);

    // Two samples of six: t with 10 degrees of freedom for 98.33 % is 2.870, and the standard error of each
    // mean is 0.2582.
    const auto change = compare("rate", steady, faster, true);
    CHECK(change.least == doctest::Approx(0.1 - 2.870 * 0.3651 / 100).epsilon(0.001));
    CHECK(change.most == doctest::Approx(0.1 + 2.870 * 0.3651 / 100).epsilon(0.001));
}

TEST_CASE("of fewer than six runs a side, only the change is told") {
    const auto five_runs = sample_of({100, 101, 99, 100, 100}),
               six_runs = sample_of({200, 201, 199, 200, 200, 200});
    const auto change = compare("rate", five_runs, six_runs, true);
    CHECK_FALSE(change.is_judged);
    CHECK(change.result == difference::judgement::cannot_tell);
    CHECK(change.least == 1);
    CHECK(
        to_string(change) ==
        "rate  100/s before, 200/s now (+100.0 %): to test its significance, compare two series (--repeat 6)");
    CHECK_FALSE(compare_pairs("rate", {1, 2, 3, 4, 5}, {2, 4, 6, 8, 10}, true).is_judged);
}

TEST_CASE("of a hundred pairs of equal series, about five have any difference") {
    std::mt19937_64 random{11};
    std::normal_distribution<double> noise{1'000, 50}, drift{0, 100};
    const auto any_difference = [](const std::vector<difference>& changes) {
        return std::ranges::any_of(
            changes, [](const auto& change) { return change.result != difference::judgement::cannot_tell; });
    };
    int separate = 0, paired = 0, found = 0;
    for (int trial = 0; trial < 1'000; ++trial) {
        interval_metrics baseline, other, faster;
        for (const auto metric :
             {&interval_metrics::rate, &interval_metrics::p50_ms, &interval_metrics::p99_ms}) {
            for (int run = 0; run < 6; ++run) {
                const double offset = drift(random); // the speed of the machine changes between pairs of runs
                (baseline.*metric).push_back(noise(random) + offset);
                (other.*metric).push_back(noise(random) + offset);
                (faster.*metric).push_back(1.2 * (noise(random) + offset));
            }
        }
        paired += any_difference(compare_alternating(baseline, other));
        found += compare_alternating(baseline, faster).front().result == difference::judgement::better;
        std::vector<difference> changes;
        for (int metric = 0; metric < 3; ++metric) {
            std::vector<double> earlier(6), later(6);
            for (auto& value : earlier) value = noise(random);
            for (auto& value : later) value = noise(random);
            changes.push_back(compare("rate", sample_of(earlier), sample_of(later), true));
        }
        separate += any_difference(changes);
    }
    for (const int count : {separate, paired}) {
        CHECK(count > 25);
        CHECK(count < 75);
    }
    CHECK(found > 850);
}

TEST_CASE("a baseline that tells nothing, or was made otherwise, is refused") {
    load_options options;
    options.duration = 10s;
    const auto options_now = options_as_json(options);
    auto result = example_result();
    const nlohmann::json right = json_report(options, result, conclude(options, result));
    REQUIRE(right["verdict"]["valid"] == true);
    CHECK_NOTHROW(check_comparable(right, options_now));
    auto other_target = options;
    other_target.target = "another:1";
    CHECK_NOTHROW(check_comparable(right, options_as_json(other_target)));
    auto other_connections = options;
    other_connections.connections = 7;
    CHECK_THROWS_WITH_AS(check_comparable(right, options_as_json(other_connections)),
                         "it was made with connections 1, and now it is 7: give the same options",
                         std::runtime_error);
    result.max_thread_cpu = 1;
    const nlohmann::json invalid = json_report(options, result, conclude(options, result));
    CHECK_THROWS_WITH_AS(check_comparable(invalid, options_now),
                         "its figures are not valid (generator-bound): measure it again", std::runtime_error);
    result.stats.errors.add({phase::read, "recv", "ECONNRESET", "it has gone"});
    const nlohmann::json failed = json_report(options, result, conclude(options, result));
    CHECK_THROWS_WITH_AS(check_comparable(failed, options_now), "that run failed: 1 error: measure it again",
                         std::runtime_error);
    repeated_load no_valid_runs;
    no_valid_runs.add(options, result);
    CHECK_THROWS_WITH_AS(check_comparable(no_valid_runs.to_json({}), options_now),
                         "none of its runs is valid: measure it again", std::runtime_error);
}

TEST_CASE("a series tells of the runs that count, and ends as its worst run") {
    load_options options;
    options.duration = 10s;
    options.thresholds = {parse_threshold("rate>9000")};
    repeated_load series;
    for (const std::uint64_t answered : {98'000, 100'000, 102'000, 100'000}) {
        auto result = example_result();
        result.stats.answered = answered;
        CHECK(series.add(options, result).find(" requests/s   p50") != std::string::npos);
    }
    CHECK(series.exit_status() == 0);
    CHECK(series.text_report({}).find("rate, req/s   10,000 (95 %: 9,7") != std::string::npos);
    auto result = example_result();
    result.stats.answered = 80'000;
    CHECK(series.add(options, result).find("MISSED rate>9000") != std::string::npos);
    CHECK(series.exit_status() == 4);
    result.max_thread_cpu = 1;
    CHECK(series.add(options, result).starts_with("run 6   INVALID, not counted: "));
    CHECK(series.exit_status() == 3);
    result.stats.errors.add({phase::read, "recv", "ECONNRESET", "it has gone"});
    CHECK(series.add(options, result).starts_with("run 7   FAILED: 1 error"));
    CHECK(series.exit_status() == 1);
    CHECK(series.means().rate.size() == 5);
    const auto report = series.to_json({});
    CHECK(report["runs"].size() == 7);
    CHECK(report["figures"]["rate"]["count"] == 5);
    CHECK(report["figures"]["rate"]["least"] < 9600);
    CHECK(report["figures"]["rate"]["most"] > 9600);
    const auto same = compare_with(nlohmann::json::parse(report.dump()), series.means(), metrics_of::series);
    CHECK(same.front().result == difference::judgement::cannot_tell);
}

TEST_CASE("the encoding is that of HdrHistogram") {
    // In base64: the cookie of the compressed V2 encoding and the first bytes of the length.
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
    for (int i = 1; i <= 10'000; ++i) times.record(i * 1us);
    const auto lines = lines_of(percentile_text(times));
    REQUIRE(lines.size() > 20);
    CHECK(lines[0].find("Value") != std::string::npos);
    CHECK(lines.back().starts_with("#[Buckets"));
    double value_before = 0, percent_before = -1;
    std::uint64_t count = 0;
    for (std::size_t i = 2; i + 3 < lines.size(); ++i) {
        double value = 0, percent = 0;
        std::istringstream{lines[i]} >> value >> percent >> count;
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
        for (auto& value : exact) {
            value = std::clamp<std::int64_t>(std::llround(next()), 0, histogram::maximum.count());
            times.record(std::chrono::nanoseconds{value});
        }
        std::sort(exact.begin(), exact.end());
        for (const double percent : {0.1, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999}) {
            const auto rank = static_cast<std::size_t>(std::ceil(percent * count / 100 - 1e-6));
            const auto expected = exact[rank - 1];
            const auto value = times.value_at_percentile(percent).count();
            CHECK(value >= expected);
            CHECK(static_cast<double>(value) <= static_cast<double>(expected) * (1 + 1.0 / 1024) + 1);
        }
        CHECK(times.max().count() == exact.back());
    }
}

TEST_CASE("each interval is a row, and together they are the run") {
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    load_options options;
    options.target = server.endpoint().to_string();
    options.connections = 4;
    options.threads = 2;
    options.duration = 500ms;
    options.warm_up = 0s;
    options.interval = 100ms;
    std::vector<interval> intervals;
    const auto result =
        generate_load(options, -1, {}, [&](const interval& interval) { intervals.push_back(interval); });
    REQUIRE(intervals.size() == 5);
    histogram latency;
    std::uint64_t asked = 0;
    for (std::size_t i = 0; i < intervals.size(); ++i) {
        CHECK(intervals[i].begin == i * 100ms);
        CHECK(intervals[i].length == 100ms);
        latency.add(intervals[i].latency);
        asked += intervals[i].asked;
    }
    CHECK(latency.count() == result.stats.answered); // replies after the end of the run are in no interval
    CHECK(latency.max() <= result.stats.latency.max());
    CHECK(asked <= result.stats.all_asked);
    CHECK(result.per_interval.rate.size() == 5);
    CHECK(csv_row(intervals[0]).starts_with("0.000,0.100,"));
    const auto columns = [](const std::string& row) { return std::count(row.begin(), row.end(), ','); };
    CHECK(columns(csv_row(intervals[0])) == columns(csv_head()));
}

TEST_CASE("parley-load writes its files, compares with an earlier run, and judges thresholds") {
    const temporary_folder folder;
    const scripted_server server{[](connection& connection, int) { echo(connection); }};
    const std::vector<std::string> common{
        server.endpoint().to_string(), "--duration", "600ms", "--warm-up", "0s", "--connections", "2"};
    const auto with_options = [&](std::vector<std::string> options) {
        options.insert(options.begin(), common.begin(), common.end());
        return options;
    };
    const auto name = [&](const char* file) { return folder.file(file); };
    const int code = parley_load(
        with_options({"--json", name("old"), "--csv", name("csv"), "--hdr", name("hdr"), "--hlog", name("hlog"),
                      "--interval", "100ms", "--threshold", "rate>0", "--threshold", "errors=0"}));
    CHECK((code == 0 || code == 3));
    CHECK(lines_of(read_file(name("csv"))).size() == 7);
    CHECK(read_file(name("hdr")).find("#[Mean") != std::string::npos);
    CHECK(lines_of(read_file(name("hlog"))).size() == 9);
    const auto old = nlohmann::json::parse(read_file(name("old")));
    CHECK(old["thresholds"].size() == 2);
    CHECK(old["thresholds"][0]["met"] == true);
    CHECK(old["intervals"]["rate"]["count"] == 6);

    if (code == 0) {
        const int second_code = parley_load(with_options({"--baseline", name("old"), "--json", name("new")}));
        CHECK((second_code == 0 || second_code == 3));
        const auto changes = nlohmann::json::parse(read_file(name("new")))["baseline"];
        REQUIRE(changes.size() == 3);
        CHECK(changes[0]["figure"] == "rate");
        CHECK(changes[0]["before"] == old["intervals"]["rate"]["mean"]);
        CHECK(changes[0]["judgement"] == "cannot tell"); // two single runs cannot be judged
        CHECK(parley_load(with_options({"--baseline", name("old"), "--size", "9"})) == 2);
    }

    const int missed_code = parley_load(with_options({"--threshold", "rate>1000000000"}));
    CHECK((missed_code == 4 || missed_code == 3));

    const int series_code = parley_load(with_options({"--repeat", "4", "--json", name("series")}));
    CHECK((series_code == 0 || series_code == 3));
    const auto runs = nlohmann::json::parse(read_file(name("series")));
    CHECK(runs["schema"] == "parley-load-repeats/1");
    CHECK(runs["runs"].size() == 4);
    CHECK(runs["runs"][3]["options"]["duration_ms"] == 600);
    if (series_code == 0) {
        const int after_code = parley_load(with_options({"--baseline", name("series"), "--json", name("new")}));
        CHECK((after_code == 0 || after_code == 3));
        CHECK(nlohmann::json::parse(read_file(name("new")))["baseline"][0]["before"] ==
              runs["figures"]["rate"]["mean"]);
    }
    const scripted_server other{[](connection& connection, int) { echo(connection); }};
    const auto other_endpoint = other.endpoint().to_string();
    const int paired_code = parley_load({server.endpoint().to_string(), "--requests", "200", "--repeat", "6",
                                         "--against", other_endpoint, "--json", name("turns")});
    CHECK((paired_code == 0 || paired_code == 3));
    const auto paired = nlohmann::json::parse(read_file(name("turns")));
    CHECK(paired["runs"].size() == 6);
    CHECK(paired["against"]["runs"].size() == 6);
    CHECK(paired["against"]["runs"][0]["options"]["target"] == other_endpoint);
    CHECK(paired["baseline"][0]["figure"] == "rate");
    CHECK(parley_load(with_options({"--against", other_endpoint})) == 2);
    CHECK(parley_load(
              with_options({"--repeat", "6", "--against", other_endpoint, "--baseline", name("old")})) == 2);
    CHECK(parley_load(with_options({"--repeat", "3"})) == 2);
    CHECK(parley_load(with_options({"--repeat", "4", "--csv", name("csv")})) == 2);
    CHECK(parley_load(with_options({"--repeat", "4", "--find-knee", "p99<1s"})) == 2);

    std::string errors;
    CHECK(parley_load(with_options({"--baseline", name("csv")}), &errors) == 2);
    CHECK(errors.find("cannot be read, or is no JSON") != std::string::npos);
    std::ofstream{name("other")} << "{\"schema\": \"parley-compare/1\"}";
    CHECK(parley_load(with_options({"--baseline", name("other")}), &errors) == 2);
    CHECK(errors.find("its schema \"parley-compare/1\" is unknown") != std::string::npos);
    CHECK(parley_load(with_options({"--threshold", "p99"})) == 2);
    CHECK(parley_load(with_options({"--interval", "1ms"})) == 2);
    CHECK(parley_load(with_options({"--csv", "/nonexistent/file"})) == 1);
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
    for (int i = 0; i < 50'000; ++i) times.record(std::chrono::nanoseconds{std::llround(lognormal(random))});
    std::ofstream{folder.file("encoded")} << encoded(times);
    std::ofstream{folder.file("read.js")} << R"(const hdr = require('hdr-histogram-js');
const read = hdr.decodeFromCompressedBase64(require('fs').readFileSync('encoded', 'utf8'));
console.log([read.totalCount, ...[1, 50, 90, 99, 99.9, 100].map(p => read.getValueAtPercentile(p))].join(' '));
)";
    REQUIRE(std::system(fmt::format("cd '{}' && node read.js > answer", folder.path()).c_str()) == 0);
    std::istringstream answer{read_file(folder.file("answer"))};
    std::uint64_t count = 0;
    answer >> count;
    CHECK(count == times.count());
    for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9}) {
        std::int64_t value = 0;
        answer >> value;
        CHECK(value == times.value_at_percentile(percent).count());
    }
    // The largest value of its bucket, while the histogram here knows the maximum itself.
    std::int64_t maximum = 0;
    answer >> maximum;
    CHECK(maximum >= times.max().count());
    CHECK(static_cast<double>(maximum) <= static_cast<double>(times.max().count()) * (1 + 1.0 / 1024));
}

} // namespace parley
