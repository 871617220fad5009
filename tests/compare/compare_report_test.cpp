// Tests of what parley-compare derives from known measurements: result files, answers, claims, explanations,
// charts, and the HTML report.
#include "client/compare/analysis/answers.hpp"
#include "client/compare/analysis/capacity.hpp"
#include "client/compare/analysis/claims.hpp"
#include "client/compare/analysis/difference.hpp"
#include "client/compare/analysis/explanation.hpp"
#include "client/compare/analysis/findings.hpp"
#include "client/compare/analysis/sweeps.hpp"
#include "client/compare/measure/run_folder.hpp"
#include "client/compare/plan/plan_json.hpp"
#include "client/compare/plan/preset_plans.hpp"
#include "client/compare/report/embedded.hpp"
#include "client/compare/report/html_report.hpp"
#include "client/compare/report/model_cards.hpp"
#include "client/compare/report/text_chart.hpp"
#include "tests/support/run_in_fork.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unwrapped.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <stdexcept>
#include <sys/resource.h>

using namespace std::chrono_literals;

namespace parley {

namespace {

/// Returns a report as parley-load writes it.
load_report load_of(double rate, int served, const std::string& invalid_reason = {}, int lost = 0) {
    nlohmann::json text{{"schema", "parley-load/1"},
                        {"ok", lost == 0},
                        {"complaints", nlohmann::json::array()},
                        {"rate", rate},
                        {"latency_ms", {{"p50", 1000 / rate}, {"p99", nullptr}}},
                        {"all_requests", 1000},
                        {"connected", 1000},
                        {"served", served},
                        {"cpu", {{"per_request_us", 3}}},
                        {"errors", nlohmann::json::array()}};
    if (lost)
        text["errors"].push_back(
            {{"cause", "lost update"}, {"count", lost}, {"text", "the counter gave 7 twice"}});
    text["verdict"] = {{"valid", invalid_reason.empty()},
                       {"reasons", {{{"code", "some"}, {"text", invalid_reason}}}}};
    return load_report::parse(text.dump());
}

/// The properties of a model in a made-up run; each round differs a little.
struct behaviour {
    std::string name;
    double rate;
    std::chrono::microseconds cpu_per_request{10};
    long kib_per_connection = 10;
    int served = 1'000'000;
    int lost = 0;
    std::string invalid_reason{};
};

/// Returns a run in which each workload has the given contenders.
results run_of(const std::vector<workload>& loads, const std::vector<std::vector<behaviour>>& models,
               int rounds = 4) {
    results run{{}, machine::here(), "2026-03-01 12:00", {}};
    run.planned.rounds = rounds;
    run.planned.server_cores = run.planned.load_cores = {0, 1};
    run.planned.workloads = loads;
    for (std::size_t load = 0; load != loads.size(); ++load)
        for (const auto& model : models[load]) {
            auto& contenders = run.planned.contenders;
            auto position = std::ranges::find(contenders, model.name, &contender::name);
            if (position == contenders.end())
                position = contenders.insert(contenders.end(), {.name = model.name, .model = model.name});
            for (int round = 1; round <= rounds; ++round) {
                measurement measurement;
                measurement.where = {round, static_cast<std::size_t>(position - contenders.begin()), load};
                measurement.left_cleanly = true;
                measurement.start_time = 1500us;
                measurement.load =
                    load_of(model.rate * (1 + 0.01 * round), std::min(model.served, loads[load].connections),
                            model.invalid_reason, model.lost);
                measurement.server.requests = measurement.server.connections = 1000;
                // Fewer than the requests: their system calls were counted on a part only.
                measurement.server.requests_of_calls = 50;
                measurement.server.user = model.cpu_per_request * 1000 + std::chrono::microseconds{round};
                measurement.server.at_rest.data_kib = 1000;
                measurement.server.memory = {
                    .data_kib = 1000 + model.kib_per_connection * loads[load].connections + round,
                    .processes = 1};
                measurement.workers = {{10, 300}, {10, 100}};
                measurement.noise = {0.01 * round, 0};
                run.done.push_back(measurement);
            }
        }
    return run;
}

machine two_cores() {
    machine machine;
    machine.cores = 2;
    machine.descriptors = 20'000;
    machine.memory_mib = 32'768;
    return machine;
}

const workload cpu{.id = "cpu", .question = "cpu", .name = "Work", .service = "pi", .connections = 8};
const workload brief{.id = "short", .question = "short", .name = "Short", .per_connection = 1};

std::string joined(const std::vector<std::string>& lines) { return fmt::format("{}", fmt::join(lines, "\n")); }

} // namespace

TEST_CASE("a plan that was written is read as it was") {
    plan original;
    original.contenders = {{.name = "thread", .model = "thread"}, external_server("mine=./mine {port}")};
    add_questions(original, plan_size::full, {}, "echo", two_cores());
    original.seed = 42;
    const auto text = json_of(original);
    CHECK(json_of(plan_from(text)) == text);
    CHECK(plan_from(text).cells() == original.cells());
}

TEST_CASE("what is no plan is refused, with the field that is wrong") {
    const auto refusal = [](const char* text) -> std::string {
        try {
            plan_from(nlohmann::ordered_json::parse(text));
        } catch (const std::invalid_argument& error) {
            return error.what();
        }
        return "none";
    };
    const std::string good = R"("contenders": [{"name": "a", "model": "a"}])";
    const auto with = [&](const char* load) { return "{" + good + R"(, "workloads": [)" + load + "]}"; };
    CHECK(refusal(with(R"({"id": "x"})").c_str()) == "none");
    for (const auto& [text, complaint] : std::vector<std::pair<std::string, std::string>>{
             {"[]", "JSON object"},
             {"{}", "\"contenders\" is missing"},
             {"{" + good + "}", "\"workloads\" is missing"},
             {"{" + good + R"(, "workloads": []})", "nothing to compare"},
             {with(R"({"id": "x"}, {"id": "x"})"), "duplicate name 'x'"},
             {with(R"({"id": "x", "conections": 3})"), "\"conections\" is unknown"},
             {with(R"({"id": "x", "connections": "many"})"), "\"connections\""},
             {with(R"({"id": "x", "connections": 0})"), "\"connections\" is 0"},
             {with(R"({"id": "x", "contenders": ["b"]})"), "'b', which is no contender"},
             {with("{}"), "no \"id\""},
             {with("7"), "no JSON object"},
             {"{" + good + R"(, "seeds": 1, "workloads": [{"id": "x"}]})", "\"seeds\" is unknown"},
             {R"({"contenders": [{"name": "a"}], "workloads": [{"id": "x"}]})",
              "either a \"model\" or a \"command\""},
         }) {
        CAPTURE(text);
        CHECK(refusal(text.c_str()).find(complaint) != std::string::npos);
    }
}

TEST_CASE("the ready plans ask every question, and a server of others only where its service is") {
    plan quick;
    for (const auto* model : {"iterative", "fork", "prefork", "thread", "pool", "epoll", "loop-pool"})
        quick.contenders.push_back({.name = model, .model = model});
    quick.contenders.push_back(external_server("mine=x"));
    auto full = quick;
    add_questions(quick, plan_size::quick, {}, "echo", two_cores());
    add_questions(full, plan_size::full, {}, "echo", two_cores());
    CHECK(full.cells().size() > 3 * quick.cells().size());
    for (const auto& question : all_questions())
        CHECK(std::ranges::find(full.workloads, question, &workload::question) != full.workloads.end());
    for (const auto& load : full.workloads) CHECK((load.rounds ? load.rounds : full.rounds) >= 6);
    for (const auto& load : quick.workloads) {
        const bool has_mine = std::ranges::find(load.contenders, "mine") != load.contenders.end();
        if (has_mine) CHECK(load.service == "echo");
    }
    plan only;
    only.contenders = {{.name = "epoll", .model = "epoll"}};
    add_questions(only, plan_size::quick, {"stevens", "cpu"}, "echo", two_cores());
    CHECK(only.workloads.size() == 1); // no model of Stevens' comparison is in the plan
}

TEST_CASE("no ready plan has more connections than the machine allows, and the full one has as many") {
    for (const int limit : {300, 5000, 10'000, 19'500}) {
        plan full;
        full.contenders = {{.name = "epoll", .model = "epoll"}};
        auto machine = two_cores();
        machine.descriptors = limit + 500; // 500 descriptors are for other things
        add_questions(full, plan_size::full, {}, "echo", machine);
        std::vector<int> levels;
        for (const auto& load : full.workloads) {
            CHECK(load.connections <= limit);
            if (load.question == "levels") levels.push_back(load.connections);
        }
        CHECK(std::ranges::is_sorted(levels));
        CHECK(levels.front() == 1);
        CHECK(levels.back() == (limit < 1000 ? 100 : limit / 1000 * 1000));
    }
}

TEST_CASE("how many connections a server serves is told with what failed beyond") {
    std::vector<workload> loads;
    for (const int connections : {10, 1, 100}) // in any order
        loads.push_back(
            {.id = fmt::format("levels-{}", connections), .question = "levels", .connections = connections});
    auto run = run_of(loads, std::vector(3, std::vector<behaviour>{
                                                {"epoll", 100}, {"pool", 90, 10us, 10, 15}, {"worst", 80}}));
    for (auto& measurement : run.done)
        if (run.planned.contenders[measurement.where.contender].name == "worst")
            measurement.problem = "it crashed";
    const auto capacities = capacities_of(summarize(run.planned, run.done, ""));
    CHECK(capacities == std::vector<capacity>{{"epoll", 100, 0, ""},
                                              {"pool", 10, 100, "only 15 were served"},
                                              {"worst", 0, 1, "it crashed"}});
    CHECK(to_string(capacities[0]) == "100 served, the highest level tried");
    CHECK(to_string(capacities[1]) == "10 served, 100 too many: only 15 were served");
    CHECK(to_string(capacities[2]) == "1 too many: it crashed");
    CHECK(report_data(run, "").at("capacities").size() == 3);
}

TEST_CASE("where the curves of two of the best cross is told, and only that") {
    std::vector<workload> loads;
    for (const int digits : {10, 100, 1000})
        loads.push_back({.id = fmt::format("work-{}", digits),
                         .question = "work-sweep",
                         .service = "pi",
                         .digits = digits});
    const auto found = [&](std::vector<std::vector<behaviour>> models, int rounds = 4) {
        const auto run = run_of(loads, models, rounds);
        std::vector<std::string> lines;
        for (const auto& crossing : crossings_of(summarize(run.planned, run.done, "")))
            if (crossing.metric == "rate") lines.push_back(to_string(crossing));
        return lines;
    };
    const std::vector<behaviour> loop_leads{{"epoll", 100}, {"thread", 50}, {"slow", 20}},
        alike{{"epoll", 30}, {"thread", 30}, {"slow", 10}},
        threads_lead{{"epoll", 5}, {"thread", 10}, {"slow", 7}};
    CHECK(found({loop_leads, alike, threads_lead}) ==
          std::vector<std::string>{
              "pi, requests per second by digits of pi: epoll is better up to 10, thread from 1000 on."});
    CHECK(found({loop_leads, threads_lead, threads_lead}) ==
          std::vector<std::string>{
              "pi, requests per second by digits of pi: epoll is better up to 10, thread from 100 on."});
    CHECK(found({loop_leads, alike, loop_leads}).empty());
    CHECK(found({alike, threads_lead, loop_leads}) ==
          std::vector<std::string>{
              "pi, requests per second by digits of pi: thread is better up to 100, epoll from 1000 on."});
    CHECK(found({loop_leads, alike, threads_lead}, 1).empty()); // one round shows no difference
}

TEST_CASE("a product of levels and services is a sweep for each service") {
    std::vector<workload> loads;
    std::vector<std::vector<behaviour>> models;
    for (const auto* service : {"echo", "hello"})
        for (const int connections : {1, 10}) {
            loads.push_back({.id = fmt::format("{}-{}", service, connections),
                             .question = "long-lived",
                             .service = service,
                             .connections = connections});
            const bool is_swapped = service == std::string{"hello"} && connections == 10;
            models.push_back({{"epoll", is_swapped ? 10.0 : 20.0}, {"thread", is_swapped ? 20.0 : 10.0}});
        }
    const auto run = run_of(loads, models);
    const auto data = report_data(run, "");
    std::vector<std::string> lines;
    for (const auto& crossing : data.at("crossings")) lines.push_back(crossing.at("text"));
    CHECK(joined(lines).find("hello, 64 bytes, requests per second by connections: epoll is better up to 1, "
                             "thread from 10 on.") != std::string::npos);
    CHECK(joined(lines).find("echo") == std::string::npos);
    CHECK(data.at("sections").at(1).at("place") == 10);
    CHECK_FALSE(x_of(cpu).has_value());
}

TEST_CASE("a run that is read again is as it was") {
    const auto run =
        run_of({cpu, brief}, {{{"epoll", 100}, {"thread", 190}}, {{"epoll", 900}, {"thread", 800}}});
    const auto text = json_of(run);
    CHECK(json_of(results_from(text)) == text);
    CHECK(text.at("complete") == true);
    CHECK(text.at("disturbance").at("others") == doctest::Approx(0.025)); // including a run that was resumed
    auto changed = text;
    changed["schema"] = "something/9";
    CHECK_THROWS_AS(results_from(changed), std::runtime_error);
}

TEST_CASE("every measurement is in the folder at once, and a line that was cut off is measured again") {
    const temporary_folder folder;
    const auto path = folder.file("run");
    auto run = run_of({cpu}, {{{"epoll", 100}, {"thread", 190}}});
    const auto measurements = run_folder::create(path, run);
    CHECK_THROWS_AS(run_folder::create(path, run), std::invalid_argument);
    for (std::size_t i = 0; i != 3; ++i) measurements.add(run.planned, run.done[i]);
    CHECK(run_folder::open(path).load().done.size() == 3);
    std::ofstream{path + "/cells.jsonl", std::ios::app} << R"({"round": 4, "work)";
    CHECK(run_folder::open(path).load().done.size() == 3);
    CHECK(cells_left(run.planned, run_folder::open(path).load().done).size() == 5);
    measurements.add(run.planned, run.done[3]);
    CHECK(run_folder::open(path).load().done.size() == 4);
    CHECK_THROWS_AS(run_folder::open(folder.file("nothing")), std::invalid_argument);
    std::ofstream{path + "/plan.json"} << "{";
    CHECK_THROWS_AS(results_at(path), std::invalid_argument);
}

TEST_CASE("a disk that is full loses the measurement that does not fit, and no other") {
    const temporary_folder folder;
    const auto run = run_of({cpu}, {{{"epoll", 100}}});
    const auto measurements = run_folder::create(folder.file("run"), run);
    measurements.add(run.planned, run.done[0]);
    CHECK(run_in_fork([&] {
              std::signal(SIGXFSZ, SIG_IGN); // then a file that may not grow fails like a full disk
              const auto size = std::filesystem::file_size(measurements.file("cells.jsonl")) + 100;
              const rlimit limit{size, size};
              check("setrlimit", [&] { return setrlimit(RLIMIT_FSIZE, &limit); });
              bool failed = false;
              try {
                  measurements.add(run.planned, run.done[1]);
              } catch (const std::system_error& error) {
                  failed = error.code() == std::errc::file_too_large;
              }
              require(failed, "the failure is reported");
          }) == "exit 0");
    CHECK(measurements.load().done.size() == 1);
    measurements.add(run.planned, run.done[1]);
    CHECK(measurements.load().done.size() == 2);
}

TEST_CASE("what a model has shown that it cannot do is not measured again") {
    auto run = run_of({cpu}, {{{.name = "iterative", .rate = 100, .served = 1},
                               {.name = "fork", .rate = 100, .served = 7}, // 7 of 8 may be chance
                               {.name = "thread", .rate = 190}}});
    CHECK(is_complete(run.planned, run.done));
    const auto cells_left_after = [&](int rounds) {
        std::erase_if(run.done,
                      [&](const measurement& measurement) { return measurement.where.round > rounds; });
        std::map<std::string, int> counts;
        for (const auto& cell : cells_left(run.planned, run.done))
            ++counts[run.planned.contenders[cell.contender].name];
        return counts;
    };
    CHECK(cells_left_after(2) == std::map<std::string, int>{{"thread", 2}});
    CHECK(cells_left_after(1) == std::map<std::string, int>{{"fork", 3}, {"thread", 3}});
}

TEST_CASE("an answer names who is best, by how much and how sure, and who is out") {
    const auto run = run_of({cpu}, {{{"thread", 190},
                                     {.name = "pool", .rate = 190.5, .kib_per_connection = 99},
                                     {"epoll", 100},
                                     {.name = "iterative", .rate = 80, .served = 1}}});
    const auto answers = answers_of(summarize(run.planned, run.done, ""));
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].best == std::vector<std::string>{"pool", "thread"});
    const auto text = joined(answers[0].reason);
    CAPTURE(text);
    CHECK(answers[0].headline == "pool and thread");
    CHECK(answers[0].margin.starts_with("pool reaches 1.90 times what epoll does (95 % interval: "));
    CHECK(text.find("Of these, thread needs least memory") != text.npos);
    CHECK(text.find("iterative (1 of 8)") != text.npos);
}

TEST_CASE("who is worse by little is as good a choice, and what else it needs decides") {
    const auto run = run_of({cpu}, {{{.name = "thread", .rate = 200, .kib_per_connection = 99},
                                     {.name = "epoll", .rate = 185},
                                     {.name = "fork", .rate = 170}}});
    const auto answer = answers_of(summarize(run.planned, run.done, "")).at(0);
    const auto text = joined(answer.reason);
    CAPTURE(text);
    CHECK(answer.headline == "thread and epoll");
    CHECK(text.find("within 10 % of it: epoll") != text.npos);
    CHECK(answer.margin.starts_with("thread reaches 1.18 times what fork does"));
    CHECK(text.find("Of these, epoll needs least memory") != text.npos);
}

TEST_CASE("where many are alike, the answer names those that are worse") {
    std::vector<behaviour> models;
    for (const auto* name : {"a", "b", "c", "d", "e", "f"})
        models.push_back({.name = name, .rate = 190, .kib_per_connection = 99});
    auto run = run_of({cpu}, {models});
    const auto alike = answers_of(summarize(run.planned, run.done, "")).at(0);
    CHECK(alike.headline == "6 alike: no relevant difference");
    CHECK(alike.margin == "All are within 10 % of the best (95 % intervals).");
    models[2].kib_per_connection = 1;
    run = run_of({cpu}, {models});
    CHECK(answers_of(summarize(run.planned, run.done, "")).at(0).headline == "6 alike; least memory: c");
    models.push_back({"slow", 90});
    run = run_of({cpu}, {models});
    CHECK(answers_of(summarize(run.planned, run.done, "")).at(0).headline == "any except slow");
}

TEST_CASE("a rate that the load calls not valid is shown, and never ranked") {
    const auto run = run_of(
        {cpu},
        {{{.name = "loops", .rate = 900, .invalid_reason = "parley-load was the limit"}, {"thread", 190}}});
    const auto sections = summarize(run.planned, run.done, "");
    const auto* loops = sections.at(0).ranked_row("loops");
    REQUIRE(loops);
    CHECK_FALSE(loops->find("rate"));
    CHECK(loops->find("cpu_us"));
    CHECK(loops->invalid.at(0).rounds == std::vector<int>{1, 2, 3, 4});
    const auto answer = answers_of(sections).at(0);
    CHECK(answer.best == std::vector<std::string>{"thread"});
    CHECK(answer.margin == "There is no other server to compare with.");
    CHECK(joined(answer.reason).find("No valid rate of loops (922 per second): parley-load was the limit") !=
          std::string::npos);
}

TEST_CASE("claims are judged by the run, and silent where it has not measured them") {
    CHECK(claims_of({}, 2).empty());
    const auto verdicts = [](const results& run) {
        std::vector<claim::verdict> found;
        for (const auto& claim : claims_of(summarize(run.planned, run.done, ""), 2)) found.push_back(claim.is);
        return found;
    };
    using enum claim::verdict;
    const auto brief_run = [&](std::chrono::microseconds pool, std::chrono::microseconds fork) {
        return run_of({brief}, {{{"thread", 100, 20us}, {"fork", 50, fork}, {"pool", 100, pool}}});
    };
    CHECK(verdicts(brief_run(10us, 90us)) == std::vector{confirmed, confirmed});
    CHECK(verdicts(brief_run(30us, 90us)) == std::vector{confirmed, refuted});
    CHECK(verdicts(brief_run(20us, 20us)) == std::vector{refuted, refuted});

    const auto counted = [&](int unlocked, int mutex) {
        const workload counter{.id = "counter", .question = "counter", .service = "counter", .connections = 8};
        return run_of({counter}, {{{.name = "counter/unlocked", .rate = 9, .lost = unlocked},
                                   {.name = "counter/mutex", .rate = 9, .lost = mutex},
                                   {"counter/atomic", 9}}});
    };
    CHECK(verdicts(counted(50, 0)) == std::vector{confirmed});
    CHECK(verdicts(counted(50, 1)) == std::vector{refuted});
    CHECK(verdicts(counted(0, 0)) == std::vector{undecided});

    const auto scaled = [&](double two, double eight) {
        std::vector<workload> loads;
        for (const auto* threads : {"1", "2", "8"})
            loads.push_back({.id = fmt::format("cores-{}", threads),
                             .question = "cores",
                             .service = "pi",
                             .server_options = {"--workers", threads}});
        return run_of(loads, {{{"loop-pool", 100}}, {{"loop-pool", two}}, {{"loop-pool", eight}}});
    };
    CHECK(verdicts(scaled(190, 195)) == std::vector{confirmed});
    CHECK(verdicts(scaled(100, 100)) == std::vector{refuted});
    CHECK(verdicts(scaled(160, 165)) == std::vector{undecided});
    CHECK(verdicts(scaled(190, 400)) == std::vector{refuted});

    const auto waited = [&](double rate, long kib) {
        const workload waiting{
            .id = "waiting", .question = "waiting", .service = "wait", .connections = 10, .wait = 50ms};
        auto idle = waiting;
        idle.id = idle.question = "idle";
        const behaviour thread{.name = "thread", .rate = 190, .kib_per_connection = 14};
        return run_of({waiting, idle}, {{{.name = "epoll", .rate = rate}, thread},
                                        {{.name = "epoll", .rate = 30, .kib_per_connection = kib}, thread}});
    };
    CHECK(verdicts(waited(190, 5)) == std::vector{confirmed}); // of at most 200 per second
    CHECK(verdicts(waited(100, 5)) == std::vector{refuted});
    CHECK(verdicts(waited(157, 5)) == std::vector{undecided});
    CHECK(verdicts(waited(190, 40)) == std::vector{refuted});
}

TEST_CASE("how much rates differ between rounds says what so many rounds can show") {
    const auto noise_text = [](int rounds) {
        auto all = run_of({cpu}, {{{"epoll", 100}, {"thread", 190}}}, rounds); // each round 1 % more
        for (auto& measurement : all.done) // and one server 5 % more, the other 5 % less, in turns
            measurement.load.rate *=
                (measurement.where.round + static_cast<int>(measurement.where.contender)) % 2 ? 1.05 : 1 / 1.05;
        return noise_finding(summarize(all.planned, all.done, ""));
    };
    CHECK(noise_text(1).empty());
    CHECK(noise_text(4).find("Residual standard deviation of a rate: 8.0 % (median of 1 workloads") !=
          std::string::npos);
    CHECK(noise_text(4).find("Minimum detectable effect with 4 rounds of 2 servers: ") != std::string::npos);
    CHECK(noise_text(4).find("; to detect 5 %, run ") != std::string::npos);
}

TEST_CASE("a model's reason is what its counters say") {
    const auto run = run_of({brief}, {{{"pool", 200, 10us}, {"fork", 50, 90us}}});
    const auto reasons = explanations_of(summarize(run.planned, run.done, "").at(0), "rate");
    REQUIRE(reasons.size() == 2);
    CHECK(reasons[0].contender == "pool");
    CHECK(reasons[1].text.find("0.25 times what pool has in requests per second") != std::string::npos);
    CHECK(reasons[1].text.find("90.0 us of server CPU per request instead of 10.0") != std::string::npos);
}

TEST_CASE("a card is read out of the comment that a model opens with") {
    const auto model_cards = parse_cards("// pool: a fixed number of threads, each of which serves one client\n"
                                         "// after the other.\n"
                                         "//\n"
                                         "//   who runs a session    one of --workers threads\n"
                                         "//   what bounds it        the pool: the next client waits\n"
                                         "//                         in the queue\n"
                                         "\n"
                                         "// fork: a process.\n");
    REQUIRE(model_cards.size() == 2);
    CHECK(model_cards[0].model == "pool");
    CHECK(model_cards[0].summary ==
          "a fixed number of threads, each of which serves one client after the other.");
    REQUIRE(model_cards[0].answers.size() == 2);
    CHECK(model_cards[0].answers[1].first == "what bounds it");
    CHECK(model_cards[0].answers[1].second == "the pool: the next client waits in the queue");
    CHECK(model_cards[1].summary == "a process.");
    CHECK(parse_cards("").empty());
}

TEST_CASE("every model's own file gives a whole card") {
    CHECK(model_cards().size() >= 12);
    for (const auto& card : model_cards()) {
        CAPTURE(card.model);
        CHECK(!card.summary.empty());
        std::vector<std::string> keys;
        for (const auto& [key, answer] : card.answers) {
            keys.push_back(key);
            CHECK(!answer.empty());
        }
        CHECK(keys == std::vector<std::string>{"who runs a session", "sessions share", "what bounds it",
                                               "when not to use it", "seen in"});
    }
}

TEST_CASE("a bar is as long as its value, in eighths of a column") {
    CHECK(bar_of(10, 10, 3) == "███");
    CHECK(bar_of(5, 10, 3) == "█▌");
    CHECK(bar_of(0, 10, 3).empty());
    CHECK(bar_of(99, 10, 2) == "██");
    CHECK(bar_of(1, 0, 3).empty());
    CHECK(chart_of({{"a", 1, "1"}, {"b", 2, "2"}}).size() == 2);
}

TEST_CASE("two results are better, worse, or not clearly different") {
    const auto before = run_of({cpu, brief}, {{{"epoll", 100}, {"thread", 190}, {"pool", 50}}, {{"epoll", 9}}});
    auto other_brief = brief;
    other_brief.size = 4000;
    const auto after =
        run_of({cpu, other_brief}, {{{"epoll", 120}, {"thread", 190}, {"pool", 40}}, {{"epoll", 9}}});
    const auto difference = compare(before, after);
    const auto verdict = [&](const char* contender) {
        for (const auto& metric : difference.metrics)
            if (metric.contender == contender && metric.metric == "rate") return metric.is;
        throw std::runtime_error("not compared");
    };
    CHECK(verdict("epoll") == changed::verdict::better);
    CHECK(verdict("thread") == changed::verdict::cannot_tell);
    CHECK(verdict("pool") == changed::verdict::worse);
    CHECK(difference.apart == std::vector<std::string>{"short (other workload in B)"});
    const auto fewer = run_of({cpu}, {{{"epoll", 100}}}),
               more = run_of({cpu}, {{{"epoll", 100}, {"thread", 1}}});
    CHECK(compare(fewer, more).apart == std::vector<std::string>{"cpu, thread (only in B)"});
    CHECK(compare(more, fewer).apart == std::vector<std::string>{"cpu, thread (only in A)"});
    const auto lines = table_of(difference);
    for (const auto& line : lines) {
        CAPTURE(line);
        CHECK(line.size() <= 100);
    }
    CHECK(unwrapped(joined(lines)).find("better in 1, worse in 1 of 9 metrics; 7 are not clearly different") !=
          std::string::npos);
    const auto last_line = [&](const char* is) {
        const auto matches = [&](const std::string& line) { return line.ends_with(is); };
        return std::find_if(lines.rbegin(), lines.rend(), matches).base() - lines.begin();
    };
    CHECK(last_line(" cannot tell") < last_line(" better")); // changes stand last
    CHECK(last_line(" better") < last_line(" worse"));
    CHECK(lines.front().starts_with("A: 2026-03-01 12:00 on "));
    CHECK(json_of(difference).at("figures").size() == 9);
}

TEST_CASE("no name changes how the page is read") {
    for (const auto* name :
         {"<!--<script>", "/*SCRIPT*/", "/*RESULT*/", "</script>", "<script>alert(1)</script>"}) {
        CAPTURE(name);
        auto run = run_of({cpu}, {{{"epoll", 100}, {"thread", 190}}});
        run.planned.contenders[0].name = name;
        const auto page = html_of(run, "");
        const auto opening = std::string_view{"id=\"result\">"};
        const auto begin = page.find(opening) + opening.size();
        const auto data = page.substr(begin, page.find("</script>", begin) - begin);
        CHECK(data.find('<') == data.npos);
        CHECK(nlohmann::json::parse(data).at("plan").at("contenders").at(0).at("name") == std::string{name});
        std::size_t scripts = 0;
        for (auto at = page.find("<script"); at != page.npos; at = page.find("<script", at + 1)) ++scripts;
        CHECK(scripts == 3);
    }
}

TEST_CASE("the page's scripts are those that its policy allows") {
    const auto page = html_of(run_of({cpu}, {{{"epoll", 100}, {"thread", 190}}}), "");
    CHECK(page.find("default-src 'none'") != page.npos);
    for (auto at = page.find("<script>"); at != page.npos; at = page.find("<script>", at + 1)) {
        const auto script = page.substr(at + 8, page.find("</script>", at) - at - 8);
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
        std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> base64;
        unsigned int size = 0;
        REQUIRE(EVP_Digest(script.data(), script.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
        EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
        const std::string source{reinterpret_cast<const char*>(base64.data())};
        CHECK(page.find("sha256-" + source) != page.npos);
    }
}

TEST_CASE("the page holds all that it shows, and names nothing outside itself") {
    auto run = run_of({cpu}, {{{"epoll", 100}, {"thread", 190}}});
    run.planned.contenders[0].name = "</script><b>";
    const auto page = html_of(run, "");
    for (const auto* mark : {"/*STYLE*/", "/*RESULT*/", "/*CHART.JS*/", "/*SCRIPT*/", "</script><b>"})
        CHECK(page.find(mark) == page.npos);
    CHECK(page.find("Chart") != page.npos);
    for (const auto* outside : {"src=", "@import", "<link rel=\"stylesheet\""})
        CHECK(page.substr(0, page.find("<script")).find(outside) == std::string::npos);

    const auto data = report_data(run, "");
    CHECK(data.at("answers").size() == 1);
    CHECK(data.at("sections").at(0).at("rows").size() == 2);
    CHECK(data.at("cards").size() == 2);
    CHECK(data.at("cells").size() == 8);
    for (const auto& figure : data.at("figures")) CHECK(!figure.at("title").empty());
}

} // namespace parley
