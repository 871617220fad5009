// Tests of the parts of parley-compare, and of one tiny comparison.
#include "client/compare/analysis/findings.hpp"
#include "client/compare/analysis/summary.hpp"
#include "client/compare/host/cpu_affinity.hpp"
#include "client/compare/host/host_noise.hpp"
#include "client/compare/host/machine.hpp"
#include "client/compare/host/syscall_count.hpp"
#include "client/compare/measure/load_report.hpp"
#include "client/compare/measure/measure_cell.hpp"
#include "client/compare/measure/results_json.hpp"
#include "client/compare/plan/plan.hpp"
#include "client/compare/report/text_table.hpp"
#include "common/process/process_tree.hpp"
#include "common/process/procfs.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unwrapped.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace parley {

namespace {

constexpr auto time_limit = 60s;

plan plan_of(std::vector<std::string> names, int rounds = 3) {
    plan plan;
    for (const auto& name : names) plan.contenders.push_back(external_server(name + "=false"));
    plan.workloads.push_back({.id = "long", .name = "Long-lived connections", .service = "echo"});
    plan.rounds = rounds;
    return plan;
}

/// Returns a successful round of the contender at index `who` of the plan.
measurement measured(int round, std::size_t contender, double rate, int served = 50) {
    measurement measurement;
    measurement.where = {.round = round, .contender = contender, .workload = 0};
    measurement.left_cleanly = true;
    measurement.load.rate = rate;
    measurement.load.p50_ms = 0.5;
    measurement.load.p99_ms = 1.5;
    measurement.load.served = served;
    measurement.server.requests = 1000;
    measurement.server.user = 3ms;
    measurement.server.system = 7ms;
    measurement.server.voluntary_switches = 500;
    measurement.server.memory = {.pss_kib = 2048, .processes = 1};
    return measurement;
}

measurement failed(int round, std::size_t contender, std::string problem) {
    auto measurement = measured(round, contender, 1e9);
    measurement.left_cleanly = false;
    measurement.problem = std::move(problem);
    return measurement;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + '\n';
    return text;
}

std::vector<std::string> compare_command(std::vector<std::string> options) {
    options.insert(options.begin(),
                   {PARLEY_COMPARE, "--parley-server", PARLEY_SERVER, "--parley-load", PARLEY_LOAD});
    return options;
}

} // namespace

TEST_CASE("the parent of a process is read behind its name, whatever that holds") {
    const auto process = parse_stat("42 (a (b) 1 c) S 7 42 42 0 -1 4194560 97");
    REQUIRE(process);
    CHECK(process->pid == 42);
    CHECK(process->parent == 7);
    CHECK_FALSE(parse_stat(""));
    CHECK_FALSE(parse_stat("42 (cut"));
    CHECK_FALSE(parse_stat("42 (cut) "));
    CHECK_FALSE(parse_stat("x (y) S z"));
}

TEST_CASE("a process tree is the root with all that descend from it") {
    auto tree = tree_of(5, {{8, 7}, {7, 5}, {5, 1}, {6, 1}, {9, 5}, {10, 6}});
    std::sort(tree.begin(), tree.end());
    CHECK(tree == std::vector<pid_t>{5, 7, 8, 9});
    CHECK(tree_of(5, {}) == std::vector<pid_t>{5});
}

TEST_CASE("memory is what the processes share, once, with what the kernel keeps for each") {
    tree_memory sum;
    const auto* rollup = "00400000-7ffd [rollup]\nRss: 1600 kB\nPss:      444 kB\nPss_Dirty: 112 kB\n"
                         "Pss_Anon: 100 kB\nPss_File: 340 kB\nPss_Shmem: 4 kB\n";
    add_process(sum, rollup, "VmPTE:\t  60 kB\nRssFile:\t 1000 kB\nThreads:\t3\n");
    add_process(sum, rollup, "VmPTE:\t  50 kB\nRssFile:\t 1200 kB\nThreads:\t1\n");
    add_process(sum, "", ""); // the process has ended
    CHECK(sum.processes == 2);
    CHECK(sum.pss_kib == 888);
    CHECK(sum.data_kib == 208);
    CHECK(sum.text_kib == 1200);
    CHECK(sum.page_tables_kib == 110);
    CHECK(sum.stacks_kib == 64);
    CHECK(sum.total_kib() == 208 + 1200 + 110 + 64);
    const auto own = memory_of(std::array{getpid()});
    CHECK(own.data_kib > 0);
    CHECK(own.page_tables_kib > 0);
    CHECK(own.processes == 1);
}

TEST_CASE("the processor time of a process holds that of ended threads and of children it waited for") {
    const auto work = [](std::chrono::milliseconds time) {
        timespec time_used{};
        const auto goal = time / 1ms * 1'000'000L;
        do clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time_used);
        while (time_used.tv_sec * 1'000'000'000L + time_used.tv_nsec < goal);
    };
    const auto before = cpu_of(std::array{getpid()});
    std::jthread{work, 50ms}.join();
    const auto with_thread = cpu_of(std::array{getpid()});
    CHECK(with_thread - before >= 50ms);
    const pid_t child = fork();
    if (child == 0) {
        work(200ms); // of its only thread
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    CHECK(cpu_of(std::array{getpid()}) - with_thread >= 180ms); // two clock ticks may be missing
}

TEST_CASE("a field is found by its whole key") {
    constexpr auto text = "model\t\t: 2\nmodel name\t: AMD EPYC\nempty\t:\n";
    CHECK(field_of(text, "model name") == "AMD EPYC");
    CHECK(field_of(text, "model") == "2");
    CHECK(field_of(text, "empty").empty());
    CHECK(field_of(text, "mode").empty());
    CHECK(machine::here().cores >= 1);
}

TEST_CASE("processor time is used or stolen, in ticks") {
    const auto tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
    const auto time = parse_processor_time("cpu  10 20 30 400 500 6 7 8 9 1\ncpu0 1 2 3 4 5 6 7 8 9 1\n");
    CHECK(time.used == doctest::Approx(60 * tick));
    CHECK(time.steal == doctest::Approx(8 * tick));
    CHECK(parse_processor_time("").used == 0);
    CHECK(parse_processor_time("cpu 1 2").used == 0);
    const auto mean = mean_of({{-0.02, 0.1}, {0.05, 0.3}, {0.3, 0.2}});
    CHECK(mean.others == doctest::Approx(0.11));
    CHECK(mean.steal == doctest::Approx(0.2));
    CHECK(mean_of({{-0.02, 0}}).others == 0);
    CHECK(mean_of({}).others == 0);
}

TEST_CASE("system calls are counted of a process and of the children that it makes later") {
    int go[2], done[2];
    REQUIRE(pipe2(go, O_CLOEXEC) == 0);
    REQUIRE(pipe2(done, O_CLOEXEC) == 0);
    char byte = 0;
    const auto child = fork();
    if (child == 0) {
        const auto call = [&](int times) {
            for (int i = 0; i != times; ++i) syscall(SYS_getppid);
        };
        if (read(go[0], &byte, 1) != 1) _exit(1);
        call(1000);
        const auto grandchild = fork();
        if (grandchild == 0) {
            call(500);
            _exit(0);
        }
        waitpid(grandchild, nullptr, 0);
        if (write(done[1], &byte, 1) != 1) _exit(1);
        pause();
    }
    {
        const syscall_count calls{child};
        REQUIRE(write(go[1], &byte, 1) == 1);
        REQUIRE(read(done[0], &byte, 1) == 1);
        if (const auto counted = calls.so_far()) {
            CHECK(*counted >= 1500);
            CHECK(*counted < 1600);
        } else {
            MESSAGE("not counted: only root may, and where the kernel lets it");
        }
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (const int descriptor : {go[0], go[1], done[0], done[1]}) close(descriptor);
}

TEST_CASE("a program is kept to some cores only as long as it is asked to") {
    const auto before = usable_cpus();
    {
        const cpu_affinity first{{before.front()}};
        CHECK(usable_cpus() == std::vector<int>{before.front()});
    }
    CHECK(usable_cpus() == before);
}

TEST_CASE("every round has every cell once, in an order that the seed alone decides") {
    auto plan = plan_of({"a", "b", "c", "d", "e"}, 4);
    plan.seed = 1;
    const auto cells = plan.cells();
    REQUIRE(cells.size() == 20);
    std::vector<std::vector<std::size_t>> orders(4);
    for (const auto& cell : cells)
        orders.at(static_cast<std::size_t>(cell.round - 1)).push_back(cell.contender);
    CHECK(orders[0] != orders[1]);
    for (auto& order : orders) {
        std::sort(order.begin(), order.end());
        CHECK(order == std::vector<std::size_t>{0, 1, 2, 3, 4});
    }
    const auto same = [](const cell& a, const cell& b) { return a.contender == b.contender; };
    const auto same_cells = plan.cells();
    CHECK(std::equal(cells.begin(), cells.end(), same_cells.begin(), same_cells.end(), same));
    plan.workloads.push_back({.id = "brief"});
    const auto two_workloads = plan.cells();
    // Cells that are compared with each other run next to each other.
    for (std::size_t i = 0; i != two_workloads.size(); ++i)
        CHECK(two_workloads[i].workload == two_workloads[i - i % 5].workload);
    plan.workloads.pop_back();
    plan.seed = 2;
    const auto other_cells = plan.cells();
    CHECK_FALSE(std::equal(cells.begin(), cells.end(), other_cells.begin(), other_cells.end(), same));
}

TEST_CASE("a pool has a worker for each connection that lives long") {
    const workload lasting{.id = "lasting", .service = "echo", .connections = 7};
    auto passing = lasting;
    passing.per_connection = 1;
    const auto has_workers = [](const char* model, const workload& load) {
        const auto arguments = contender{.name = model, .model = model}.command_line(load, "parley-server");
        return std::find(arguments.begin(), arguments.end(), "--workers") != arguments.end();
    };
    CHECK(has_workers("pool", lasting));
    CHECK(has_workers("prefork", lasting));
    CHECK_FALSE(has_workers("pool", passing));
    CHECK_FALSE(has_workers("thread", lasting));
}

TEST_CASE("a server of one's own needs a name and a command") {
    CHECK(external_server("mine=./server 0 a=b").name == "mine");
    CHECK(external_server("./bin/server --port={port}").name == "server");
    CHECK(external_server("./bin/server --port={port}").command == "./bin/server --port={port}");
    CHECK(external_server("X=/bin/sh -c true").name == "X"); // a program follows
    CHECK(external_server("mine=FOO=1 ./server").command == "FOO=1 ./server");
    for (const auto* text : {"", "mine", "=./server", "mine="})
        CHECK_THROWS_AS(external_server(text), std::invalid_argument);
}

TEST_CASE("a command is what a shell takes, and its variables are no names") {
    for (const std::string command :
         {"FOO=1 ./server {port}", "FOO=1 BAR=/tmp exec ./server {port}", "cd /tmp && ./server {port}",
          "ulimit -n 512; exec ./server {port}", "(cd /tmp; ./bin/server --port={port})"}) {
        CAPTURE(command);
        const auto contender = external_server(command);
        CHECK(contender.name == "server");
        CHECK(contender.command == command);
        CHECK(contender.command_line({}, "") == std::vector<std::string>{"/bin/sh", "-c", command});
    }
}

TEST_CASE("a load that waits lasts ten waits at least") {
    auto plan = plan_of({"a"});
    plan.workloads[0].service = "wait";
    plan.workloads[0].wait = 100ms;
    plan.workloads[0].duration = 999ms;
    CHECK_THROWS_AS(plan.check(), std::invalid_argument);
    plan.workloads[0].duration = 1s;
    CHECK_NOTHROW(plan.check());
}

TEST_CASE("a server of ours must end with 0, one of others may be ended by SIGTERM") {
    const auto ended = [](int status) { return process_end{.status = status, .used = {}}; };
    for (const bool is_ours : {true, false}) {
        CHECK(has_ended_well(ended(W_EXITCODE(0, 0)), is_ours));
        CHECK(has_ended_well(ended(W_EXITCODE(0, SIGTERM)), is_ours) == !is_ours);
        CHECK(has_ended_well(ended(W_EXITCODE(128 + SIGTERM, 0)), is_ours) == !is_ours);
        CHECK_FALSE(has_ended_well(ended(W_EXITCODE(0, SIGKILL)), is_ours));
        CHECK_FALSE(has_ended_well(ended(W_EXITCODE(1, 0)), is_ours));
    }
}

TEST_CASE("what is no report of a load is refused") {
    CHECK_THROWS_AS(load_report::parse(""), std::runtime_error);
    CHECK_THROWS_AS(load_report::parse("{}"), std::runtime_error);
    CHECK_THROWS_AS(load_report::parse(R"({"schema": "other/1"})"), std::runtime_error);
}

TEST_CASE("lost updates are a figure, other wrong replies a problem") {
    const auto report_with = [](std::vector<std::pair<const char*, int>> errors) {
        nlohmann::json text{{"schema", "parley-load/1"},
                            {"ok", errors.empty()},
                            {"complaints", nlohmann::json::array({"wrong answers"})},
                            {"rate", 100},
                            {"latency_ms", {{"p50", 1}, {"p99", nullptr}}},
                            {"all_requests", 1000},
                            {"connected", 8},
                            {"served", 8},
                            {"cpu", {{"per_request_us", 3}}},
                            {"errors", nlohmann::json::array()}};
        for (const auto& [cause, count] : errors)
            text["errors"].push_back({{"cause", cause}, {"count", count}, {"text", cause}});
        return load_report::parse(text.dump());
    };
    const auto raced = report_with({{"lost update", 70}, {"counted back", 5}});
    CHECK(raced.problem.empty());
    CHECK(raced.lost_updates == 70);
    CHECK(raced.all_requests == 1000); // every lost update had a reply
    CHECK(report_with({{"lost update", 70}, {"wrong bytes", 1}}).problem == "wrong answers: wrong bytes");
    CHECK(report_with({{"counted back", 5}}).problem == "wrong answers: counted back");
    CHECK(report_with({}).problem.empty());
}

TEST_CASE("rounds with a problem are told, not counted") {
    const auto plan = plan_of({"good", "bad", "hopeless"});
    const auto sections = summarize(plan,
                                    {measured(1, 0, 100), measured(2, 0, 300), measured(3, 0, 200),
                                     measured(1, 1, 50), failed(2, 1, "4,588 errors: reset"),
                                     failed(3, 1, "7 errors: reset"), failed(1, 2, "refused")},
                                    "");
    REQUIRE(sections.size() == 1);
    const auto& rows = sections[0].rows;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].name == "good");
    CHECK(rows[0].find("rate")->mean == doctest::Approx(std::cbrt(100.0 * 300 * 200)));
    CHECK(rows[0].find("rate")->values == std::vector<double>{100, 300, 200});
    CHECK(rows[1].name == "bad");
    CHECK(rows[1].find("rate")->values == std::vector<double>{50});
    CHECK_FALSE(rows[1].left_cleanly);
    CHECK_FALSE(rows[2].counts());
    CHECK(sections[0].ranked == 2);
    const auto text = joined(table_of(sections[0]));
    // The same message except for numbers.
    CHECK(text.find("bad, rounds 2, 3: 4,588 errors: reset\n") != text.npos);
    CHECK(text.find("hopeless, round 1: refused\n") != text.npos);
}

TEST_CASE("ratios are formed within a round") {
    const auto plan = plan_of({"base", "other"});
    const auto sections = summarize(
        plan, {measured(1, 0, 100), measured(2, 0, 1000), measured(1, 1, 90), measured(2, 1, 900)}, "base");
    const auto& other = sections.at(0).rows.at(1);
    CHECK(other.name == "other");
    CHECK(other.rate_ratio->low == doctest::Approx(0.9));
    CHECK(other.rate_ratio->high == doctest::Approx(0.9));
    CHECK(joined(ratios_of(sections[0])) == "other / base: 0.900 (0.900..0.900) of the requests per second, "
                                            "1.000 (1.000..1.000) of the server CPU per request.\n");
}

TEST_CASE("who does not serve every connection is shown, not ranked") {
    const auto plan = plan_of({"one", "every", "most"}, 1);
    const auto sections =
        summarize(plan, {measured(1, 0, 900, 1), measured(1, 1, 100), measured(1, 2, 90)}, "");
    const auto& section = sections.at(0);
    CHECK(section.reference == "every");
    CHECK(section.ranked == 2);
    CHECK(section.rows.back().name == "one");
    CHECK_FALSE(section.rows.back().rate_ratio);
    CHECK(joined(table_of(section)).find("1 of 50") != std::string::npos);
    const auto text = joined(findings_of(section));
    CHECK(text.find("Highest rate") == text.npos); // one round shows no difference
    CHECK(text.find("one served 1 of 50 connections, so it is not ranked.") != text.npos);
}

TEST_CASE("what the rounds show, and what they do not, is said in words") {
    const auto plan = plan_of({"slow", "fast", "faster"}, 4);
    std::vector<measurement> done;
    for (int round = 1; round <= 4; ++round) {
        done.push_back(measured(round, 0, 10 + round));
        done.push_back(measured(round, 1, 98 + round));
        done.push_back(measured(round, 2, 100 + round));
    }
    CHECK(joined(findings_of(summarize(plan, done, "").at(0))) ==
          "Highest rate: faster, 102 per second; worse: slow, 12 % of that; not clearly different: fast, "
          "98 % of "
          "that.\n");
}

TEST_CASE("no line of a table is wider than a hundred columns") {
    auto plan = plan_of({"a_server_with_a_very_long_name", "b"});
    plan.workloads[0].connections = 10'000;
    const auto sections = summarize(plan,
                                    {measured(1, 0, 999'499, 9'999), measured(2, 0, 100'499, 9'999),
                                     measured(1, 1, 123'456, 10'000), measured(2, 1, 654'321, 10'000),
                                     failed(3, 1, std::string(60, 'x') + ' ' + std::string(60, 'y'))},
                                    "");
    for (const auto& line : table_of(sections.at(0))) CHECK(line.size() <= table_width);
    for (const auto& line : wrapped(circumstances(machine::here(), {}, plan)))
        CHECK(line.size() <= table_width);
}

TEST_CASE("the record keeps every measurement, and says what is missing") {
    const auto plan = plan_of({"a", "b"}, 1);
    const auto record = json_of(results{plan, machine::here(), "2026-03-01 12:00", {failed(1, 0, "reset")}});
    CHECK(record.at("schema") == "parley-compare/2");
    CHECK(record.at("complete") == false);
    CHECK(record.at("cells").size() == 1);
    CHECK(record.at("cells")[0].at("problem") == "reset");
    CHECK(record.at("cells")[0].at("load").is_null());
}

TEST_CASE("a tiny comparison measures each model and leaves nothing behind") {
    const temporary_folder folder;
    subprocess program{
        compare_command({"--models", "thread,coroutine", "--rounds", "1", "--duration", "500ms",
                         "--connections", "4", "--json", "/dev/stdout", "--output", folder.file("run")}),
        subprocess::errors::kept};
    const auto end = program.wait(time_limit);
    REQUIRE(end);
    const auto text = program.rest_of_output();
    CAPTURE(text);
    CAPTURE(program.error_output());
    CHECK(end->exit_code() == 0);
    CHECK_FALSE(program.left_processes());
    CHECK(program.error_output().empty());
    CHECK(text.find("\nthread ") != text.npos);
    CHECK(text.find("\ncoroutine ") != text.npos);
    const auto json = text.find("\n{\n");
    const auto record = nlohmann::json::parse(text.substr(json, text.find("\n}\n", json) + 3 - json));
    REQUIRE(record.at("cells").size() == 4);
    for (const auto& cell : record["cells"]) {
        CHECK(cell.at("problem").is_null());
        CHECK(cell.at("left_cleanly") == true);
        CHECK(cell.at("server").at("pss_kib") > 0);
        CHECK(cell.at("server").at("requests") > 0);
        CHECK(cell.at("load").is_object());
    }
}

TEST_CASE("server and load have cores of their own where there are two") {
    const temporary_folder folder;
    subprocess program{compare_command({"--models", "epoll", "--workloads", "long-lived", "--rounds", "1",
                                        "--duration", "500ms", "--separate-cores", "-o", folder.file("run")}),
                       subprocess::errors::kept};
    const auto end = program.wait(time_limit);
    REQUIRE(end);
    const auto text = program.rest_of_output();
    CAPTURE(text);
    CAPTURE(program.error_output());
    if (usable_cpus().size() < 2) {
        CHECK(end->exit_code() == 2);
        CHECK(program.error_output().find("--separate-cores needs two cores: only one is usable") != text.npos);
        return;
    }
    CHECK(end->exit_code() == 0);
    CHECK(unwrapped(text).find("The load generator has one CPU") != text.npos);
}

TEST_CASE("a server that fails is a row with its reason") {
    const temporary_folder folder;
    subprocess program{compare_command({"--models", "", "--server", "bad=echo no luck >&2; exit 3", "--rounds",
                                        "1", "--workloads", "long-lived", "-o", folder.file("run")})};
    CHECK(program.wait(time_limit)->exit_code() == 1);
    const auto text = program.rest_of_output();
    CAPTURE(text);
    CHECK(text.find("no valid round") != text.npos);
    CHECK(unwrapped(text).find("no luck") != text.npos);
}

TEST_CASE("a comparison that is interrupted prints what it has, and leaves nothing behind") {
    const temporary_folder folder;
    subprocess program{compare_command({"--models", "thread", "--workloads", "long-lived,one-request",
                                        "--duration", "1h", "-o", folder.file("run")}),
                       subprocess::errors::kept};
    CHECK(program.read_line(time_limit).starts_with("parley-compare "));
    program.signal(SIGINT);
    const auto end = program.wait(time_limit);
    REQUIRE(end);
    CHECK(end->exit_code() == 130);
    CHECK_FALSE(program.left_processes());
    const auto text = program.rest_of_output();
    CHECK(text.find("INCOMPLETE: stopped after 0 of 6 measurements; continue with --resume ") != text.npos);
}

TEST_CASE("what parley-compare cannot do is one line, and exit code 2") {
    for (const auto& options : std::vector<std::vector<std::string>>{{"--models", "nosuch"},
                                                                     {"--service", "nosuch"},
                                                                     {"--rounds", "0"},
                                                                     {"--duration", "10"},
                                                                     {"--duration", "0s"},
                                                                     {"--models", ""},
                                                                     {"--baseline", "nosuch"},
                                                                     {"--server", "nosuch"},
                                                                     {"--models", "thread,thread"},
                                                                     {"--quick", "--full"},
                                                                     {"--full", "--size", "7"},
                                                                     {"--lines", "--size", "40000"},
                                                                     {"--questions", "nosuch"},
                                                                     {"--connections", "0"},
                                                                     {"--plan", "/no/such/plan.json"},
                                                                     {"--plan", "/dev/null"},
                                                                     {"--resume", "/no/such/folder"},
                                                                     {"--resume", "/tmp", "--rounds", "9"},
                                                                     {"--diff", "/no/such/a", "/no/such/b"},
                                                                     {"--diff", "/tmp", "/tmp", "--full"},
                                                                     {"--nosuch"}}) {
        subprocess program{compare_command(options), subprocess::errors::kept};
        CHECK(program.wait(time_limit)->exit_code() == 2);
        const auto error_text = program.error_output();
        CAPTURE(error_text);
        CHECK(error_text.starts_with("parley-compare: "));
        CHECK(std::count(error_text.begin(), error_text.end(), '\n') == 1);
        CHECK(program.rest_of_output().empty());
    }
}

} // namespace parley
