#include "server/options.hpp"

#include "common/command_line.hpp"
#include "common/output.hpp"
#include "common/process/processors.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdexcept>
#include <sys/socket.h>

namespace parley {

namespace {

/// Headings of --help, in the order of its groups.
constexpr auto what_is_served = "What is served";
constexpr auto addresses_and_clients = "Addresses and clients";
constexpr auto worker_settings = "Workers";
constexpr auto stop_and_watch = "Time limits, log and metrics";
constexpr auto service_settings = "Settings of single services";
constexpr auto lists = "Lists";

constexpr std::string_view examples =
    "  parley-server                                       greet on 127.0.0.1:9999, a thread per connection\n"
    "  parley-server --list                                print the models and services\n"
    "  parley-server --model prefork --accept mutex --min-spare 2 --max-spare 4 --max-workers 16\n"
    "  parley-server --model loops --in processes --listen 127.0.0.1:9999 --listen unix:/tmp/parley.sock\n"
    "  parley-server --model exec -- sort -r               a command per connection, as inetd does it\n";

template <class Row>
const Row& find(std::string_view kind, std::span<const Row> rows, std::string_view name) {
    const auto found = std::ranges::find(rows, name, &Row::name);
    if (found != rows.end()) return *found;
    std::vector<std::string_view> known;
    for (const auto& row : rows) known.push_back(row.name);
    throw std::invalid_argument(fmt::format("no such {} '{}': choose {}", kind, name, fmt::join(known, ", ")));
}

std::string remark_about(const service_entry&) { return {}; }

std::string remark_about(const model& row) {
    const auto obstacle = row.obstacle();
    return obstacle.empty() ? "" : " (unavailable here: " + obstacle + ")";
}

template <class Row>
std::string lines_of(std::span<const Row> rows) {
    std::string text;
    for (const auto& row : rows)
        text += fmt::format("  {:<12}{}{}\n", row.name, row.summary, remark_about(row));
    return text;
}

template <class Row>
std::string names_of(std::span<const Row> rows) {
    std::string text;
    for (const auto& row : rows) text += fmt::format("{}\n", row.name);
    return text;
}

std::string table_of_models() {
    std::string text =
        "| topic of the notes | model | Stevens, UNP vol. 1 | muduo, and others | file | when not to use it |\n"
        "|---|---|---|---|---|---|\n";
    for (const auto& row : models())
        text += fmt::format("| {} | `{}` | {} | {} | [{}](server/models/{}) | {} |\n", row.topic, row.name,
                            row.stevens, row.muduo, row.file, row.file, row.when_not_to_use);
    return text;
}

/// Adds a flag that prints what `text()` returns and ends the program, as --help does.
void add_list(CLI::App& app, const std::string& name, std::function<std::string()> text,
              const std::string& description) {
    const auto print = [text = std::move(text)] {
        write_result(text());
        throw CLI::Success{};
    };
    app.add_flag_callback(name, print, description)->group(lists);
}

mode_t mode_of(const std::string& text) {
    mode_t mode = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, mode, 8);
    if (error != std::errc{} || stop != end || mode > 0777)
        throw CLI::ValidationError("--unix-mode",
                                   fmt::format("'{}' is no mode: write three octal digits, as in 660", text));
    return mode;
}

} // namespace

const model& find_model(std::string_view name) { return find("model", models(), name); }
const service_entry& find_service(std::string_view name) { return find("service", services(), name); }

void apply_defaults(server_options& options, const model& model) {
    const auto refuse = [&](std::string_view option, std::string_view reason) {
        throw std::invalid_argument(
            fmt::format("{} does not fit the model {}: {}", option, model.name, reason));
    };
    const int cpus = usable_cpu_count();
    if (options.listen.empty()) options.listen = {model.datagrams ? "udp:127.0.0.1:9999" : "127.0.0.1:9999"};
    const bool default_workers = options.workers == 0, default_threads = options.threads == 0;
    if (default_workers) options.workers = model.default_workers > 0 ? model.default_workers : cpus;
    if (default_threads) options.threads = cpus;
    if (model.workers_serve) { // each worker serves at least one client, and all together at most the limit
        const int limit = options.max_connections;
        const int clients_per_worker = model.threads_serve && !default_threads ? options.threads : 1;
        if (default_workers) options.workers = std::clamp(limit / clients_per_worker, 1, options.workers);
        if (default_threads && model.threads_serve)
            options.threads = std::clamp(limit / options.workers, 1, options.threads);
        const int all = options.workers * (model.threads_serve ? options.threads : 1);
        if (all > limit)
            refuse(fmt::format("--max-connections {}", limit),
                   fmt::format("its {} workers serve at least a client each", all));
    }
    if (options.accept.empty()) options.accept = name_of(model.accepts.front());
    accept_strategy_of(model, options.accept);
    if (options.in == worker_kind::processes && !model.in_either)
        refuse("--in processes", "only loops takes it");
    if (options.min_spare > 0) {
        if (model.name != "prefork") refuse("--min-spare", "only prefork grows");
        if (options.max_spare == 0) options.max_spare = 2 * options.min_spare;
        if (options.max_workers == 0)
            options.max_workers = std::clamp(256, options.workers, options.max_connections);
        if (options.max_spare < options.min_spare) refuse("--max-spare", "it is less than --min-spare");
        if (options.max_workers < options.workers) refuse("--max-workers", "it is less than --workers");
        if (options.max_workers > options.max_connections)
            refuse("--max-workers", "it is more than --max-connections");
    } else if (options.max_spare > 0 || options.max_workers > 0) {
        refuse("--max-spare or --max-workers", "a pool grows only with --min-spare");
    }
    if (model.datagrams && !find_service(options.service).datagrams)
        refuse("--service " + options.service, "over datagrams, choose echo or welcome");
    if (options.max_connections_per_worker > 0 && model.name != "prefork")
        refuse("--max-connections-per-worker", "only prefork replaces its workers");
    if (model.commands == options.command.empty())
        refuse(model.commands ? "no command" : fmt::format("the command '{}'", options.command.front()),
               model.commands ? "write it at the end, as in -- sort -r" : "only exec runs one");
}

int most_workers(const server_options& options) {
    return std::max({options.workers * options.threads, options.max_workers, options.max_connections});
}

accept_strategy accept_strategy_of(const model& model, std::string_view name) {
    std::vector<std::string_view> known;
    for (const auto strategy : model.accepts) {
        if (name_of(strategy) == name) return strategy;
        known.push_back(name_of(strategy));
    }
    throw std::invalid_argument(fmt::format("--accept {} does not fit the model {}: choose {}", name,
                                            model.name, fmt::join(known, ", ")));
}

namespace {

void describe_model(CLI::App& app, server_options& options) {
    app.add_option("-m,--model", options.model, "concurrency model: see --list")
        ->capture_default_str()
        ->group(what_is_served);
    app.add_option("-s,--service", options.service, "service: see --list")
        ->capture_default_str()
        ->group(what_is_served);
    app.add_option("command", options.command, "after --: the command of the model exec, and its arguments")
        ->type_name("")
        ->group(what_is_served);
}

void describe_addresses(CLI::App& app, server_options& options) {
    app.add_option("-l,--listen", options.listen,
                   "HOST:PORT (port 0: the kernel chooses; a name stands for all its addresses), unix:PATH, "
                   "unix:@NAME (abstract), or udp:HOST:PORT for the model datagram; may be repeated; default: "
                   "127.0.0.1:9999")
        ->type_name("ADDRESS")
        ->expected(1)
        ->allow_extra_args(false) // otherwise it would take the -- before a command
        ->take_all()
        ->group(addresses_and_clients);
    app.add_option(
           "--max-connections", options.max_connections,
           "connections open at a time, in equal shares of the loops; further clients wait in the backlog")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str()
        ->group(addresses_and_clients);
    app.add_option("--backlog", options.backlog, "listen(2) backlog, capped by net.core.somaxconn")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str()
        ->group(addresses_and_clients);
    app.add_option_function<std::string>(
           "--unix-mode", [&options](const std::string& text) { options.unix_mode = mode_of(text); },
           "permissions of UNIX sockets, as chmod(1) takes them")
        ->type_name("OCTAL")
        ->default_str("600")
        ->group(addresses_and_clients);
    app.add_option("--user", options.user,
                   "drop root privileges to this user, by name or number, once the addresses are bound")
        ->type_name("USER[:GROUP]")
        ->group(addresses_and_clients);
}

void describe_workers(CLI::App& app, server_options& options) {
    app.add_option("-w,--workers", options.workers,
                   "processes, threads or loops; default: the usable CPUs, and 1 for coroutine")
        ->check(CLI::Range(1, 10'000))
        ->group(worker_settings);
    app.add_option(
           "--threads", options.threads,
           "threads in each process of hybrid, or for CPU-bound work of coroutine; default: the usable CPUs")
        ->check(CLI::Range(1, 1'000))
        ->group(worker_settings);
    app.add_option("--in", options.in, "what the loops of the model loops are")
        ->transform(
            CLI::CheckedTransformer(std::map<std::string, worker_kind>{{"threads", worker_kind::threads},
                                                                       {"processes", worker_kind::processes}})
                .description(""))
        ->type_name("threads|processes")
        ->default_str("threads")
        ->group(worker_settings);
    app.add_option(
           "--accept", options.accept,
           "accept strategy: each, file-lock, mutex, pass or reuseport (prefork); main, each or mutex (pool); "
           "reuseport or exclusive (loops); default: the first of these")
        ->group(worker_settings);
    app.add_option("--min-spare", options.min_spare,
                   "idle workers below which prefork adds workers; default: its size is fixed")
        ->check(CLI::Range(1, 10'000))
        ->group(worker_settings);
    app.add_option("--max-spare", options.max_spare,
                   "idle workers above which prefork ends one; default: twice --min-spare")
        ->check(CLI::Range(1, 10'000))
        ->group(worker_settings);
    app.add_option("--max-workers", options.max_workers, "limit of a growing prefork; default: 256")
        ->check(CLI::Range(1, 10'000))
        ->group(worker_settings);
    app.add_option("--max-connections-per-worker", options.max_connections_per_worker,
                   "connections after which prefork replaces a worker; default: never")
        ->check(CLI::Range(1, 1'000'000'000))
        ->group(worker_settings);
}

void describe_operation(CLI::App& app, server_options& options) {
    add_duration(app, "--idle-timeout", options.idle_timeout,
                 "close connections without a completed request for this long (0s: never)")
        ->group(stop_and_watch);
    add_duration(app, "--grace", options.grace, "time limit for replies in flight after SIGTERM or SIGINT")
        ->group(stop_and_watch);
    app.add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off")
        ->capture_default_str()
        ->group(stop_and_watch);
    app.add_option("--metrics", options.metrics,
                   "serve metrics of the workers at http://HOST:PORT/metrics, in Prometheus' text format")
        ->type_name("HOST:PORT")
        ->group(stop_and_watch);
}

void describe_services(CLI::App& app, service_options& services) {
    app.add_option("--greeting", services.greeting, "greeting of the service welcome")
        ->capture_default_str()
        ->group(service_settings);
    app.add_option_function<std::string>(
           "--counter",
           [&services](const std::string& name) {
               const auto known = visit_counter::kinds;
               const auto found = std::ranges::find(known, name, &decltype(known)::value_type::first);
               if (found == known.end())
                   throw CLI::ValidationError("--counter",
                                              fmt::format("no such counter '{}': choose mutex, atomic, "
                                                          "unlocked or private",
                                                          name));
               services.counter = found->second;
           },
           "how the service counter counts: mutex or atomic; unlocked or private count wrongly, as a lesson")
        ->default_str("mutex")
        ->group(service_settings);
    app.add_option("--max-digits", services.max_digits, "limit of decimals in one request to the service pi")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str()
        ->group(service_settings);
    add_duration(app, "--max-wait", services.max_wait, "limit of the time in one request to the service wait")
        ->group(service_settings);
}

void describe_lists(CLI::App& app) {
    const auto all = [] {
        return fmt::format("models:\n{}\nservices:\n{}", lines_of(models()), lines_of(services()));
    };
    add_list(app, "--list", all, "print the models and the services");
    add_list(
        app, "--list-models", [] { return names_of(models()); }, "print the names of the models, for scripts");
    add_list(
        app, "--list-services", [] { return names_of(services()); }, "print the names of the services");
    add_list(app, "--list-table", table_of_models, "print the models as the table of README.md");
}

} // namespace

void describe_options(CLI::App& app, server_options& options) {
    describe_model(app, options);
    describe_addresses(app, options);
    describe_workers(app, options);
    describe_operation(app, options);
    describe_services(app, options.services);
    describe_lists(app);
    describe(app, examples);
}

} // namespace parley
