// parley-load: puts load on a server, checks every byte, and says what the server did.
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
#include "client/load/plan/parse_number.hpp"
#include "client/load/plan/source_addresses.hpp"
#include "client/load/repeated_runs.hpp"
#include "common/command_line.hpp"
#include "common/escaped.hpp"
#include "common/human_numbers.hpp"
#include "common/output.hpp"
#include "common/process/stop_signal.hpp"
#include "common/terminal_width.hpp"

#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unistd.h>

namespace parley {

namespace {

using namespace std::chrono_literals;

constexpr const char* examples = R"(  parley-load 127.0.0.1:9999 --service echo --connections 50 --duration 10s
  parley-load 127.0.0.1:9999 --service welcome --connections 8 --requests 10000
  parley-load [::1]:7 --service echo --size 1000000 --per-connection 10 --duration 1m --json report.json
  parley-load localhost:9999 --service wait --wait 100ms --connections 1000 --duration 5s
  parley-load localhost:9999 --duration 1m --rate 5000 --threshold 'p99<10ms' --threshold errors=0 --json new.json
  parley-load localhost:9999 --duration 1m --rate 5000 --baseline old.json --csv course.csv --hlog course.hlog
  parley-load localhost:9999 --connections 50 --duration 3s --repeat 6 --baseline before.json --json now.json
  parley-load localhost:9999 --connections 50 --duration 3s --repeat 6 --against localhost:8888
  parley-load localhost:9999 --connections 100 --find-knee 'p99<5ms' --duration 5s
  parley-load 127.0.0.1:9999 --connections 50000 --source 127.0.0.1-127.0.0.3 --connect-rate 20000 --duration 30s
  parley-load localhost:9999 --connections 50 --duration 1m --percentiles 99.9,99.99
  parley-load localhost:9999 --connections 100 --rate 20000 --arrivals poisson --duration 1m
  parley-load localhost:9999 --connections 100 --stage 10s@1000 --stage 30s@1000..50000
  parley-load localhost:6379 --send 'PING\r\n' --expect '+PONG\r\n' --connections 50 --duration 10s
  parley-load localhost:80 --send 'GET / HTTP/1.0\r\n\r\n' --expect until-close --connections 10 --duration 10s
  parley-load localhost:9999 --framing line --send @request.txt --expect '/^(ok|done)/' --rate 1000 --duration 10s
  parley-load --agent 0.0.0.0:7000 --secret-file secret
  parley-load server:9999 --agents one:7000,two:7000 --secret-file secret --connections 40000 --rate 100000
  parley-load localhost:8443 --tls --tls-ca ca.pem --service echo --connections 50 --duration 10s
  parley-load localhost:9999 --stage 10s@1..100c --stage 10s@100c
exit status:
  0  done, and the figures may be believed
  1  the load failed: errors, wrong answers, connections without any answer
  2  called wrongly
  3  the run is not valid: the verdict says why, and no rate or latency is printed
  4  a --threshold was missed)";

/// What a run writes beside its report.
struct output_names {
    std::string json, csv, percentiles, log, baseline, against;
};

/// The files that grow while the load runs.
class interval_files {
public:
    explicit interval_files(const output_names& names) : csv_{names.csv}, log_{names.log} {}

    /// A reader that has gone ends the load.
    void write(const interval& one) {
        bool has_readers = true;
        // When the warm-up would be over was not known before; what an earlier load has left stays until now.
        const bool is_first = !std::exchange(has_begun_, true);
        if (csv_) has_readers = csv_.write((is_first ? csv_head() : "") + csv_row(one));
        if (log_) {
            if (is_first)
                log_.write(
                    log_head(std::chrono::system_clock::now() -
                             std::chrono::round<std::chrono::system_clock::duration>(one.begin + one.length)));
            has_readers &= log_.write(log_line(one.begin, one.length, one.latency));
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

/// Says what could not be written. Returns the exit status: 1 if there is any.
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

/// A report to a person, who reads it on standard error if standard output is taken.
void print_to(bool standard_error, std::string_view text) {
    standard_error ? write_message(text) : write_result(text);
}

/// The report of an earlier run or series with the same options; null where none is asked for.
nlohmann::json earlier_report(const std::string& name, const load_options& options) {
    if (name.empty()) return nullptr;
    std::ostringstream text;
    text << std::ifstream{name}.rdbuf();
    try {
        auto report = parse_json(std::move(text).str());
        check_comparable(report, options_for_programs(options));
        return report;
    } catch (const nlohmann::json::exception&) {
        throw std::invalid_argument(fmt::format("--baseline {}: cannot be read, or is no JSON", name));
    } catch (const std::runtime_error& why) {
        throw std::invalid_argument(fmt::format("--baseline {}: {}", name, why.what()));
    }
}

/// An option whose word is read by a function that throws std::invalid_argument.
CLI::Option* add_read_option(CLI::App& app, const std::string& name, const std::string& description,
                             std::function<void(const std::string&)> read) {
    const auto read_all = [name, read = std::move(read)](const CLI::results_t& words) {
        try {
            for (const auto& each : words) read(each);
            return true;
        } catch (const std::invalid_argument& error) {
            throw CLI::ValidationError(name, error.what());
        }
    };
    return app.add_option(name, read_all, description)->type_name("TEXT");
}

/// Requests per second: "500", "10k", "1.5M".
double rate_in(std::string_view word) {
    double factor = 1;
    auto number = word;
    if (word.ends_with('k')) factor = 1e3;
    if (word.ends_with('M')) factor = 1e6;
    if (factor > 1) number.remove_suffix(1);
    const auto rate = number_in(number);
    if (!rate)
        throw std::invalid_argument(
            fmt::format("{} is no rate: write requests per second, as in 500, 10k or 1.5M", in_quotes(word)));
    return *rate * factor;
}

/// What --send says: the bytes themselves, or those of a file.
std::string text_to_send(const std::string& word) {
    if (!word.starts_with('@')) return unescaped(word);
    std::ifstream file{word.substr(1), std::ios::binary};
    std::ostringstream text;
    if (!file || !(text << file.rdbuf()))
        throw std::invalid_argument(
            fmt::format("cannot read {}, or it is empty", in_quotes(std::string_view{word}.substr(1))));
    return text.str();
}

/// generate_load(), or that of a team of agents.
using generator = std::function<load_result(const load_options& options, int stop, const load_watch& watch,
                                            const intervals::take& each)>;

int load(const load_options& options, const output_names& names, const generator& generate) {
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
        watch = [told = false](std::chrono::nanoseconds, const load_result& so_far) mutable {
            if (run_stats::clock::now() < so_far.stats.until || std::exchange(told, true)) return;
            print_message("parley-load: cooling down: nothing is counted any more\n");
        };
    const auto result = generate(options, stop_signal::descriptor(), watch, [&](const interval& one) {
        files.write(one);
        if (is_watched) view.add(one);
    });
    if (is_watched) write_message(view.cleared(columns_of(STDERR_FILENO)));
    auto all = conclude(options, result);
    if (!earlier.is_null()) all.changes = compare_with(earlier, result.parts, figures_are::of_a_run);
    if (percentiles) percentiles.save(percentile_text(result.stats.latency));
    if (json) json.save(text_of(json_report(options, result, all)));
    const bool taken =
        json.to_standard_output() || percentiles.to_standard_output() || files.to_standard_output();
    print_to(taken, terminal_safe(text_report(options, result, all)));
    percentiles.finish();
    json.finish();
    flush_results(); // before the messages
    for (const auto& complaint : all.complaints) print_message("parley-load: {}\n", terminal_safe(complaint));
    auto failures = files.failures();
    failures.insert(failures.end(), {json.failure(), percentiles.failure()});
    return status_after(all.exit_status(), failures);
}

/// The same load so many times, a line for each; Ctrl-C ends the series with the run that it ends.
int run_repeatedly(const load_options& options, int times, const output_names& names,
                   const generator& generate) {
    stop_signal::install(options.timeout);
    const auto earlier = earlier_report(names.baseline, options);
    whole_output json{names.json};
    repeated_load all;
    std::vector<difference> changes;
    for (int run = 0; run != times && !stop_signal::is_requested(); ++run) {
        const auto line = all.add(options, generate(options, stop_signal::descriptor(), {}, {}));
        if (!earlier.is_null()) changes = compare_with(earlier, all.figures(), figures_are::of_a_series);
        if (json) json.save(text_of(all.to_json(changes))); // after each: the next one may end otherwise
        print_to(json.to_standard_output(), line);
        if (!flush_results()) break;
    }
    print_to(json.to_standard_output(), all.text_report(changes));
    json.finish();
    return status_after(all.exit_status(), {json.failure()});
}

/// The same against two servers in turns.
int load_in_turns(const load_options& options, int times, const output_names& names,
                  const generator& generate) {
    stop_signal::install(options.timeout);
    whole_output json{names.json};
    auto others = options;
    others.target = names.against;
    loads_in_turns all;
    const auto report = [&] {
        auto both = all.own.to_json(all.changes());
        both["against"] = all.other.to_json({});
        return both;
    };
    const auto run = [&](const load_options& one, repeated_load& series) {
        const auto line = series.add(one, generate(one, stop_signal::descriptor(), {}, {}));
        print_to(json.to_standard_output(), terminal_safe(fmt::format("{:<21} {}", one.target, line)));
        return flush_results();
    };
    for (int pair = 0; pair != times && !stop_signal::is_requested(); ++pair) {
        if (!run(others, all.other) || stop_signal::is_requested() || !run(options, all.own)) break;
        all.pair();
        if (json) json.save(text_of(report()));
    }
    print_to(
        json.to_standard_output(),
        terminal_safe(fmt::format("\nbefore: {}\n{}\nnow: {}\n{}", others.target, all.other.text_report({}),
                                  options.target, all.own.text_report(all.changes()))));
    json.finish();
    const int own = all.own.exit_status();
    return status_after(own != 0 ? own : all.other.exit_status(), {json.failure()});
}

std::string complaint_of(const load_result& result) {
    const auto kinds = result.stats.errors.kinds();
    return kinds.empty() ? "nobody answers" : kinds.front().first.text;
}

/// Of a search: what takes longer is not tried unless --duration allows it.
constexpr std::chrono::milliseconds longest_trial{60'000};

/// Tries rates until it is known how high the target can be met; a line for each.
int find_knee(load_options options, const threshold& target, const output_names& names,
              const generator& generate) {
    stop_signal::install(options.timeout);
    whole_output json{names.json};
    auto trials = nlohmann::ordered_json::array();
    const auto say = [&](const std::string& line) {
        print_to(json.to_standard_output(), line);
        flush_results();
    };
    const auto save = [&](const std::optional<knee>& found) {
        nlohmann::ordered_json report{{"schema", "parley-load-knee/1"}, {"target", target.text}};
        report["least"] =
            found ? nlohmann::ordered_json(found->least) : nullptr; // null: the search was cut off
        report["most"] = found ? nlohmann::ordered_json(found->most) : nullptr;
        report["at_most"] = found ? nlohmann::ordered_json(to_string(found->at_most)) : nullptr;
        report["trials"] = trials;
        if (json) json.save(text_of(report));
    };
    const auto shortest = *options.duration;
    const auto once = [&](double rate) {
        if (stop_signal::is_requested()) throw std::runtime_error("interrupted: the knee is not known");
        const auto length = trial_length(target, rate, shortest, options.warm_up);
        if (length > std::max(shortest, longest_trial))
            return trial{trial_outcome::unknown,
                         fmt::format("it would take {}: ask for a lower percentile, or give --duration",
                                     format_duration(std::chrono::nanoseconds{length}))};
        options.rate = rate;
        options.duration = length;
        const auto result = generate(options, stop_signal::descriptor(), {}, {});
        if (result.connected == 0) throw std::runtime_error(complaint_of(result));
        auto one = judge_trial(options, target, result);
        say(fmt::format("{:>12.0f} requests/s  {:<7} {}\n", rate, to_string(one.outcome), one.why));
        trials.push_back({{"rate", rate},
                          {"met", one.outcome == trial_outcome::met},
                          {"outcome", to_string(one.outcome)},
                          {"why", one.why}});
        save(std::nullopt);
        return one;
    };
    std::string last_unknown;
    const auto attempt = [&](double rate) {
        auto one = once(rate);
        if (one.outcome == trial_outcome::unknown) one = once(rate); // it may have been chance
        if (one.outcome == trial_outcome::unknown) last_unknown = one.why;
        return one.outcome;
    };
    knee_search how;
    if (options.rate) how.first = *options.rate;
    knee found;
    try {
        found = find_knee(how, attempt);
    } catch (const std::exception&) {
        json.finish();
        throw;
    }
    save(found);
    json.finish();
    if (found.least == 0 && found.at_most == trial_outcome::unknown) {
        say(fmt::format("it is not known at which rate {} is met: {}\n", target.text, last_unknown));
        return status_after(3, {json.failure()});
    }
    if (found.least == 0) {
        say(fmt::format("{} is met at no rate{}\n", target.text,
                        last_unknown.empty() ? "" : " that could be tried (" + last_unknown + ")"));
        return status_after(4, {json.failure()});
    }
    if (found.most == 0)
        say(fmt::format("{} is met up to {:.0f} requests/s, and no higher rate was tried\n", target.text,
                        found.least));
    else if (found.at_most == trial_outcome::unknown)
        say(fmt::format("{} is met up to {:.0f} requests/s; what is met from {:.0f} on is not known: {}\n",
                        target.text, found.least, found.most, last_unknown));
    else
        say(fmt::format("{} is met up to {:.0f} to {:.0f} requests/s\n", target.text, found.least, found.most));
    return status_after(0, {json.failure()});
}

/// Until a stop is requested.
int run_agent(const std::string& endpoint, const std::string& secret, const std::vector<address>& sources) {
    stop_signal::install(0ms);
    listener own{address::resolve(endpoint).front(), {}};
    const auto say = [](const std::string& line) { write_notice(line + '\n'); };
    say(fmt::format("listening on {} (agent)", own.addresses().front().to_string()));
    serve_controllers(own, secret, sources, say);
    return 0;
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    using namespace parley;
    load_options options;
    std::chrono::milliseconds duration{10'000};
    std::chrono::milliseconds warm_up{1'000};
    std::uint64_t total = 0;
    output_names names;
    std::chrono::milliseconds interval_length{1'000};
    std::optional<threshold> wanted;
    int times = 1;
    tls_options tls;
    bool speaks_tls = false;

    CLI::App app{"Loads a TCP server and checks every byte. Closed loop: each connection asks, waits for the "
                 "answer, asks "
                 "again. Open loop (--rate): requests are sent when they are due.",
                 "parley-load"};
    describe(app, examples);
    app.add_option("address", options.target, "HOST:PORT of the server, or unix:PATH");
    auto* serving =
        app.add_option("--service", options.service,
                       "what it offers: welcome, echo, counter, hello, pi, wait, or raw (see --expect)")
            ->capture_default_str();
    app.add_option("-c,--connections", options.connections, "open at a time")->capture_default_str();
    auto* timed = add_duration(app, "-d,--duration", duration, "of the load");
    auto* counted = app.add_option("-n,--requests", total, "instead: so many of all connections together");
    counted->excludes(timed);
    app.add_option("-s,--size", options.requests.size, "of a request to echo, counter or hello, in bytes")
        ->capture_default_str();
    app.add_option("--per-connection", options.requests.per_connection,
                   "requests before it is made anew; else no limit")
        ->check(CLI::PositiveNumber);
    auto* warming = add_duration(app, "--warm-up", warm_up, "not counted, the first part of the duration");
    warming->default_str("a tenth of the duration, at most 1s");
    add_duration(app, "--cool-down", options.cool_down,
                 "goes on after the duration, not counted, until Ctrl-C at the latest: to look at the server "
                 "under load; a line on standard error tells when it begins");
    add_duration(app, "--timeout", options.timeout, "to connect, and for each answer");
    app.add_option("-t,--threads", options.threads,
                   "that generate the load, with equal shares of the connections")
        ->capture_default_str();
    add_read_option(app, "-r,--rate",
                    "open loop: so many requests a second are due, whatever the server does: 500, 10k, 1.5M",
                    [&](const std::string& word) { options.rate = rate_in(word); });
    add_read_option(app, "--arrivals", "of requests at that rate: constant, poisson or burst:N",
                    [&](const std::string& word) { options.arriving = parse_arrivals(word); });
    add_read_option(app, "--stage",
                    "instead of --rate and --duration, one after the other: 10s@1000 or "
                    "30s@1000..50000 (rate), 10s@5..50c (connections, closed loop)",
                    [&](const std::string& word) { options.stages.push_back(parse_stage(word)); })
        ->take_all();
    app.add_option("--pipeline", options.requests.pipeline,
                   "closed loop: requests to echo or raw that a connection sends at once, then awaits")
        ->capture_default_str();
    add_duration(app, "--think", options.think, "closed loop: before each connection asks again");
    add_duration(app, "--expected-interval", options.expected_interval,
                 "closed loop: also print the latency corrected for requests meant to come so often");
    app.add_option("--connect-rate", options.connect_rate,
                   "connections made a second; else all at once, before the load");
    app.add_flag("--exact-timers", options.exact_timers,
                 "wake up to the nanosecond, not to 50 us: for some processor time");
    app.add_option("--seed", options.requests.seed, "of the bytes that are made up")->capture_default_str();
    app.add_option("--digits", options.requests.digits, "of pi")->capture_default_str();
    add_duration(app, "--wait", options.requests.wait, "asked of service wait");
    app.add_option("--greeting", options.requests.greeting, "expected of service welcome")
        ->capture_default_str();
    app.add_option("--percentiles", options.percentiles, "that the run must be long enough for: 99,99.9,99.99")
        ->delimiter(',')
        ->allow_extra_args(false);
    add_read_option(app, "--send",
                    "to any server: TEXT (with \\n, \\r, \\t, \\\\, \\x1b) or @FILE; for service raw",
                    [&](const std::string& word) { options.requests.send = text_to_send(word); });
    auto* expecting = app.add_option("--expect", options.requests.expect,
                                     "as its answer: TEXT, /REGEX/, 'N bytes' or until-close")
                          ->type_name("TEXT");
    add_read_option(app, "--framing",
                    "of what is sent to echo and raw, and of the answers: none, line, u16 or u32",
                    [&](const std::string& word) { options.requests.how = parse_framing(word); });
    app.add_flag("--allow-unanswered", options.allow_unanswered, "connections without any answer are no error");
    add_read_option(app, "--threshold", "exit with 4 where it is missed: 'p99<10ms', 'errors=0', 'rate>5000'",
                    [&](const std::string& word) {
                        options.thresholds.push_back(parse_threshold(word));
                        if (const auto percent = options.thresholds.back().percent; percent > 0)
                            options.percentiles.push_back(percent);
                    })
        ->take_all();
    add_read_option(app, "--find-knee",
                    "search the highest rate that meets it: 'p99<5ms'; a trial takes --duration (3s)",
                    [&](const std::string& word) { wanted = parse_threshold(word); });
    auto* repeating =
        app.add_option("--repeat", times, "so many runs, and each figure as their mean, with an interval")
            ->check(CLI::Range(4, 1'000))
            ->type_name("INT");
    auto* enciphered = app.add_flag("--tls", speaks_tls, "speak TLS; the server's certificate is verified");
    const auto of_tls = [&](CLI::Option* one) { one->needs(enciphered); };
    of_tls(app.add_option("--tls-ca", tls.authorities,
                          "trust the certificates in this file (PEM); else those of the system")
               ->type_name("FILE"));
    of_tls(
        app.add_option("--tls-name", tls.name,
                       "that the certificate must be for, also asked for (SNI); else the host in the address")
            ->type_name("NAME"));
    of_tls(app.add_flag("!--tls-insecure", tls.verifies, "verify nothing: anybody may be the server"));
    add_read_option(app, "--source", "addresses of ours, in turns: 127.0.0.1-127.0.0.9, 10.0.0.5 or eth0",
                    [&](const std::string& word) { options.sources = parse_sources(word); });
    const auto add_file = [&](const char* name, std::string& value, const char* description) {
        app.add_option(name, value, description)->type_name("FILE");
    };
    add_file("-o,--json", names.json, "also write the report to this file; - is standard output");
    add_file("--csv", names.csv, "also write a row for each interval");
    add_file("--hdr", names.percentiles, "also write the percentiles as HdrHistogram's viewers read them");
    add_file("--hlog", names.log, "also write HdrHistogram's interval log (V2)");
    auto* cutting = add_duration(app, "--interval", interval_length, "of --csv and --hlog");
    cutting->default_str("1s, or a tenth of a shorter run");
    std::string agent_endpoint, secret_file;
    auto* apart = app.add_option("--agents", options.agent_names,
                                 "load from these agents instead, together: HOST:PORT,HOST:PORT (--agent)")
                      ->delimiter(',')
                      ->allow_extra_args(false)
                      ->type_name("LIST");
    auto* as_agent = app.add_option("--agent", agent_endpoint,
                                    "be an agent: listen at this address for a controller (--agents)")
                         ->type_name("ADDRESS")
                         ->excludes(apart);
    add_file("--secret-file", secret_file, "that agents and controllers know: nobody else may give orders");
    add_file("--baseline", names.baseline,
             "say what has changed since that run or series, whose --json report this is; two series of 6 runs "
             "(--repeat) are judged");
    app.add_option("--against", names.against,
                   "with --repeat: take turns with another server, and say how the two differ")
        ->type_name("ADDRESS")
        ->needs(repeating);

    options.command_line.assign(words, words + count);
    return run_program(app, count, words, [&] {
        if ((*as_agent || *apart) == secret_file.empty())
            throw std::invalid_argument(
                "--agent and --agents go with a --secret-file: openssl rand -hex 32 >FILE; chmod 600 FILE");
        if (*as_agent && !options.target.empty())
            throw std::invalid_argument(
                "an --agent is told by its controller what to load: leave the address out");
        if (*as_agent) return run_agent(agent_endpoint, read_secret(secret_file), options.sources);
        if (options.target.empty()) throw std::invalid_argument("address is required: HOST:PORT or unix:PATH");
        refuse_shared_places(std::array{names.json, names.csv, names.percentiles, names.log});
        if (!names.against.empty() && !names.baseline.empty())
            throw std::invalid_argument("--against measures its own baseline: leave out --baseline");
        if (*apart && !options.sources.empty())
            throw std::invalid_argument("--source is of this machine: give it to each --agent instead");
        if (*expecting || !options.requests.send.empty()) {
            if (*serving && options.service != "raw")
                throw std::invalid_argument("--send and --expect are of service raw, which is chosen by them");
            options.service = "raw";
        }
        if (speaks_tls) options.tls = tls;
        if (*counted) options.total = total;
        if (*timed || (!*counted && options.stages.empty())) options.duration = duration;
        if (const auto crowd = connections_over_time(options))
            options.connections = std::max(1, static_cast<int>(std::ceil(crowd->highest())));
        if (*warming) options.warm_up = warm_up;
        std::optional<controller_of_agents> team;
        if (*apart) team.emplace(options.agent_names, read_secret(secret_file));
        const generator generate = [&](const load_options& what, int stop, const load_watch& watch,
                                       const intervals::take& each) {
            return team ? team->run(what, stop, watch, each) : generate_load(what, stop, watch, each);
        };
        if (wanted) {
            if (*counted || !options.stages.empty())
                throw std::invalid_argument(
                    "--find-knee tries rates for a --duration each: leave out --requests and --stage");
            if (wanted->percent > 0) options.percentiles.push_back(wanted->percent);
            options.duration = *timed ? duration : std::chrono::milliseconds{3'000};
            if (*warming) options.warm_up = warm_up;
            if (*repeating)
                throw std::invalid_argument("--find-knee repeats its trials itself: leave out --repeat");
            return find_knee(options, *wanted, names, generate);
        }
        if (*repeating) {
            if (!names.csv.empty() || !names.log.empty() || !names.percentiles.empty())
                throw std::invalid_argument("--csv, --hdr and --hlog are of a single run: leave out --repeat");
            return names.against.empty() ? run_repeatedly(options, times, names, generate)
                                         : load_in_turns(options, times, names, generate);
        }
        if (*cutting) options.interval = interval_length;
        return load(options, names, generate);
    });
}
