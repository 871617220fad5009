#include "client/load/command_line.hpp"

#include "client/load/output/output_file.hpp"
#include "client/load/plan/parse_number.hpp"
#include "client/load/plan/source_addresses.hpp"
#include "common/command_line.hpp"
#include "common/escaped.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>

namespace parley {

namespace {

constexpr const char* examples = R"(  parley-load localhost:9999 --connections 50 --duration 10s
  parley-load localhost:9999 --rate 5000 --threshold 'p99<10ms' --json report.json
  parley-load localhost:9999 --connections 100 --find-knee 'p99<5ms' --duration 5s
  parley-load localhost:9999 --connections 50 --duration 3s --repeat 6 --against localhost:8888
  parley-load localhost:6379 --send 'PING\r\n' --expect '+PONG\r\n' --duration 10s
exit status:
  0  the load ran, and its figures are valid
  1  the load failed: errors, wrong replies, or connections without a reply
  2  the command line is wrong
  3  the figures are not valid: the verdict gives the reason, rate and latency are withheld
  4  a --threshold was missed)";

/// Reads requests per second: "500", "10k", "1.5M".
double parse_rate(std::string_view text) {
    double factor = 1;
    auto number = text;
    if (text.ends_with('k')) factor = 1e3;
    if (text.ends_with('M')) factor = 1e6;
    if (factor > 1) number.remove_suffix(1);
    const auto rate = parse_number(number);
    if (!rate)
        throw std::invalid_argument(fmt::format(
            "{} is not a rate: write requests per second, as in 500, 10k or 1.5M", in_quotes(text)));
    return *rate * factor;
}

/// Returns the bytes that --send names: TEXT with its escapes resolved, or the content of @FILE.
std::string parse_send(const std::string& text) {
    if (!text.starts_with('@')) return unescaped(text);
    const auto name = text.substr(1);
    std::ifstream file{name, std::ios::binary};
    std::ostringstream content;
    if (!file || !(content << file.rdbuf()))
        throw std::invalid_argument(fmt::format("cannot read {}, or it is empty", in_quotes(name)));
    return content.str();
}

/// Adds options to one group of the help.
class option_group {
public:
    option_group(CLI::App& app, std::string name) : app_{app}, name_{std::move(name)} {}

    template <class Value>
    CLI::Option* add(const std::string& names, Value& value, const std::string& description) {
        return app_.add_option(names, value, description)->group(name_);
    }

    CLI::Option* add_flag(const std::string& names, bool& value, const std::string& description) {
        return app_.add_flag(names, value, description)->group(name_);
    }

    CLI::Option* add_time(const std::string& names, std::chrono::milliseconds& value,
                          const std::string& description) {
        return add_duration(app_, names, value, description)->group(name_);
    }

    void add_file(const std::string& names, std::string& value, const std::string& description) {
        add(names, value, description)->type_name("FILE");
    }

    void add_list(const std::string& names, std::vector<std::string>& values, const std::string& description) {
        add(names, values, description)->delimiter(',')->allow_extra_args(false)->type_name("LIST");
    }

    /// Adds an option whose value is read by a function that throws std::invalid_argument.
    CLI::Option* add_parsed(const std::string& names, const std::string& description,
                            std::function<void(const std::string&)> parse) {
        const auto parse_all = [names, parse = std::move(parse)](const CLI::results_t& values) {
            try {
                for (const auto& value : values) parse(value);
                return true;
            } catch (const std::invalid_argument& error) {
                throw CLI::ValidationError(names, error.what());
            }
        };
        return app_.add_option(names, parse_all, description)->type_name("TEXT")->group(name_);
    }

private:
    CLI::App& app_;
    std::string name_;
};

void add_load_options(CLI::App& app, load_arguments& arguments) {
    auto& options = arguments.options;
    option_group group{app, "Load"};
    group
        .add("--service", options.service,
             "service to load: welcome, echo, counter, hello, pi, wait, or raw (see --send)")
        ->capture_default_str();
    group.add_time("-d,--duration", arguments.duration, "length of the run, warm-up included");
    group.add("-n,--requests", arguments.total_requests,
              "stop after this many requests in total, instead of after --duration");
    group.add_time("--warm-up", arguments.warm_up, "first part of the run, which is not counted")
        ->default_str("a tenth of the duration, at most 1s");
    group.add_time(
        "--cool-down", options.cool_down,
        "keep up the load after the run without counting it, to inspect the loaded server; a line on "
        "standard error announces its start, and Ctrl-C ends it");
    group.add_time("--timeout", options.timeout, "time limit to connect, and for each reply");
    group
        .add("-t,--threads", options.threads, "number of load-generating threads, which share the connections")
        ->capture_default_str();
}

void add_connection_options(CLI::App& app, load_options& options) {
    option_group group{app, "Connections"};
    group.add("-c,--connections", options.connections, "number of connections that are open at a time")
        ->capture_default_str();
    group
        .add("--per-connection", options.requests.per_connection,
             "requests per connection before reconnecting; unlimited by default")
        ->check(CLI::PositiveNumber);
    group.add("--connect-rate", options.connect_rate,
              "connections to open per second; by default all are opened at once, before the load");
    group.add_parsed("--source",
                     "local addresses to connect from, in turn: 127.0.0.1-127.0.0.9, 10.0.0.5 or eth0",
                     [&](const std::string& text) { options.sources = parse_sources(text); });
}

void add_open_loop_options(CLI::App& app, load_options& options) {
    option_group group{app, "Open loop"};
    group.add_parsed("-r,--rate",
                     "send requests at this rate per second, whatever the server does: 500, 10k, 1.5M",
                     [&](const std::string& text) { options.rate = parse_rate(text); });
    group.add_parsed("--arrivals", "distribution of the requests at that rate: constant, poisson or burst:N",
                     [&](const std::string& text) { options.arriving = parse_arrivals(text); });
    group
        .add_parsed("--stage",
                    "step or ramp of the load, instead of --rate and --duration; may be repeated: 10s@1000 or "
                    "30s@1000..50000 (rate), 10s@5..50c (connections, closed loop)",
                    [&](const std::string& text) { options.stages.push_back(parse_stage(text)); })
        ->take_all();
}

void add_request_options(CLI::App& app, load_options& options) {
    auto& requests = options.requests;
    option_group group{app, "Requests and replies"};
    group.add("-s,--size", requests.size, "bytes per request to echo, counter or hello")->capture_default_str();
    group
        .add("--pipeline", requests.pipeline,
             "number of requests to echo or raw that a connection sends at once (closed loop)")
        ->capture_default_str();
    group.add_time("--think", options.think, "pause of a connection before each request (closed loop)");
    group.add_parsed(
        "--send", "request to any server: TEXT (with \\n, \\r, \\t, \\\\, \\x1b) or @FILE; selects service raw",
        [&](const std::string& text) { requests.send = parse_send(text); });
    group
        .add("--expect", requests.expect,
             "expected reply: TEXT, /REGEX/, 'N bytes' or until-close; selects service raw")
        ->type_name("TEXT");
    group.add_parsed("--framing", "framing of requests to echo and raw, and of replies: none, line, u16 or u32",
                     [&](const std::string& text) { requests.how = parse_framing(text); });
    group.add("--digits", requests.digits, "decimals of pi to request")->capture_default_str();
    group.add_time("--wait", requests.wait, "delay to request from service wait");
    group.add("--greeting", requests.greeting, "greeting to expect from service welcome")
        ->capture_default_str();
}

void add_judgement_options(CLI::App& app, load_arguments& arguments) {
    auto& options = arguments.options;
    option_group group{app, "Targets and comparison"};
    group
        .add_parsed("--threshold",
                    "target to reach, or exit with status 4: 'p99<10ms', 'errors=0', 'rate>5000'",
                    [&](const std::string& text) {
                        options.thresholds.push_back(parse_threshold(text));
                        if (const auto percent = options.thresholds.back().percent; percent > 0)
                            options.percentiles.push_back(percent);
                    })
        ->take_all();
    group
        .add("--percentiles", options.percentiles,
             "percentiles to report, as in 99,99.9,99.99; a run too short for them is not valid")
        ->delimiter(',')
        ->allow_extra_args(false);
    group.add_parsed(
        "--find-knee",
        "find the highest rate that meets a target such as 'p99<5ms'; each trial takes --duration, "
        "3s by default",
        [&](const std::string& text) { arguments.knee_target = parse_threshold(text); });
    group
        .add("--repeat", arguments.repeats,
             "number of runs; each figure is reported as their mean with its 95 % interval")
        ->check(CLI::Range(4, 1'000))
        ->type_name("INT");
    group.add_file(
        "--baseline", arguments.outputs.baseline,
        "compare with the --json report of an earlier run or series; significance needs two series of "
        "6 or more runs (--repeat)");
    group
        .add("--against", arguments.outputs.against,
             "compare with another server: alternate between both in each run of --repeat")
        ->type_name("ADDRESS");
    group.add_flag("--allow-unanswered", options.allow_unanswered,
                   "do not count connections without a reply as an error");
}

void add_output_options(CLI::App& app, load_arguments& arguments) {
    auto& outputs = arguments.outputs;
    option_group group{app, "Output"};
    group.add_file("-o,--json", outputs.json, "write the report as JSON; - is standard output");
    group.add_file("--csv", outputs.csv, "write a table with a row per interval");
    group.add_file("--hdr", outputs.percentiles, "write the percentile distribution in HdrHistogram's format");
    group.add_file("--hlog", outputs.log, "write an interval log in HdrHistogram's format (V2)");
    group.add_time("--interval", arguments.interval, "length of the intervals of --csv and --hlog")
        ->default_str("1s, or a tenth of a shorter run");
}

void add_tls_options(CLI::App& app, load_arguments& arguments) {
    auto& tls = arguments.tls;
    option_group group{app, "TLS"};
    group.add_flag("--tls", arguments.uses_tls, "use TLS, and verify the server's certificate");
    group.add_file("--tls-ca", tls.authorities,
                   "trust the certificates in this file (PEM) instead of those of the system");
    group
        .add("--tls-name", tls.name,
             "host name to verify and to send (SNI), instead of the host in the address")
        ->type_name("NAME");
    app.add_flag_callback(
           "--tls-insecure", [&tls] { tls.verifies = false; }, "do not verify the server's certificate")
        ->group("TLS");
}

void add_agent_options(CLI::App& app, load_arguments& arguments) {
    option_group group{app, "Several generators"};
    group.add_list("--agents", arguments.options.agent_names,
                   "generate the load on these agents (see --agent): HOST:PORT,HOST:PORT");
    group.add("--agent", arguments.agent_endpoint, "run as an agent: listen at this address for a controller")
        ->type_name("ADDRESS");
    group.add_file("--secret-file", arguments.secret_file,
                   "file with the secret shared by controller and agents");
}

void add_advanced_options(CLI::App& app, load_options& options) {
    option_group group{app, "Advanced"};
    group.add_time("--expected-interval", options.expected_interval,
                   "also report the latency corrected for requests meant to be sent at this interval (closed "
                   "loop)");
    group.add_flag("--exact-timers", options.exact_timers, "1 ns timer slack instead of 50 us; costs CPU time");
    group.add("--seed", options.requests.seed, "seed of the generated payload")->capture_default_str();
}

} // namespace

void add_options(CLI::App& app, load_arguments& arguments) {
    describe(app, examples);
    app.add_option("address", arguments.options.target, "HOST:PORT of the server, or unix:PATH");
    add_load_options(app, arguments);
    add_connection_options(app, arguments.options);
    add_open_loop_options(app, arguments.options);
    add_request_options(app, arguments.options);
    add_judgement_options(app, arguments);
    add_output_options(app, arguments);
    add_tls_options(app, arguments);
    add_agent_options(app, arguments);
    add_advanced_options(app, arguments.options);
}

void apply_defaults(const CLI::App& app, load_arguments& arguments) {
    auto& options = arguments.options;
    const auto& outputs = arguments.outputs;
    const auto is_given = [&](const std::string& name) { return app.count(name) > 0; };
    const auto refuse_if = [](bool condition, std::string_view reason) {
        if (condition) throw std::invalid_argument(std::string{reason});
    };
    const bool is_counted = is_given("--requests");

    refuse_if(is_counted && is_given("--duration"),
              "--requests and --duration exclude each other: leave one of them out");
    for (const auto* name : {"--tls-ca", "--tls-name", "--tls-insecure"})
        refuse_if(is_given(name) && !arguments.uses_tls, fmt::format("{} needs --tls: add it", name));
    refuse_if(is_given("--against") && !arguments.repeats,
              "--against needs --repeat: add it, as in --repeat 6");

    arguments.is_agent = is_given("--agent");
    refuse_if(arguments.is_agent && is_given("--agents"),
              "--agent and --agents exclude each other: leave one of them out");
    refuse_if((arguments.is_agent || is_given("--agents")) == arguments.secret_file.empty(),
              "--agent and --agents need a --secret-file, and only they: openssl rand -hex 32 >FILE; chmod 600 "
              "FILE");
    refuse_if(arguments.is_agent && !options.target.empty(),
              "the controller of an --agent gives the address to load: leave the address out");
    if (arguments.is_agent) return;

    refuse_if(options.target.empty(), "address is required: HOST:PORT or unix:PATH");
    check_distinct(std::array{outputs.json, outputs.csv, outputs.percentiles, outputs.log});
    refuse_if(!outputs.against.empty() && !outputs.baseline.empty(),
              "--against measures its own baseline: leave out --baseline");
    refuse_if(is_given("--agents") && !options.sources.empty(),
              "--source is for the connections of this machine: give it to each --agent instead");
    if (is_given("--expect") || !options.requests.send.empty()) {
        refuse_if(is_given("--service") && options.service != "raw",
                  "--send and --expect select service raw: leave out --service");
        options.service = "raw";
    }
    if (arguments.uses_tls) options.tls = arguments.tls;
    if (is_counted) options.total = arguments.total_requests;
    if (is_given("--duration") || (!is_counted && options.stages.empty()))
        options.duration = arguments.duration;
    if (const auto connections = connections_over_time(options))
        options.connections = std::max(1, static_cast<int>(std::ceil(connections->highest())));
    if (is_given("--warm-up")) options.warm_up = arguments.warm_up;
    if (is_given("--interval") && !arguments.knee_target && !arguments.repeats)
        options.interval = arguments.interval;

    if (arguments.knee_target) {
        refuse_if(is_counted || !options.stages.empty(),
                  "--find-knee tries rates for a --duration each: leave out --requests and --stage");
        refuse_if(arguments.repeats.has_value(), "--find-knee repeats its trials itself: leave out --repeat");
        if (const auto percent = arguments.knee_target->percent; percent > 0)
            options.percentiles.push_back(percent);
        if (!is_given("--duration")) options.duration = std::chrono::milliseconds{3'000};
    }
    refuse_if(arguments.repeats && !(outputs.csv + outputs.log + outputs.percentiles).empty(),
              "--csv, --hdr and --hlog describe a single run: leave out --repeat");
}

} // namespace parley
