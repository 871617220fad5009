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

constexpr std::string_view examples =
    "  parley-server                                       welcomes on 127.0.0.1:9999, a thread per "
    "connection\n"
    "  parley-server --model pool --service echo --workers 8\n"
    "  parley-server --model fork --service counter --counter unlocked --listen 127.0.0.1:0\n"
    "  parley-server --model prefork --accept mutex --min-spare 2 --max-spare 4 --max-workers 16\n"
    "  parley-server --model loops --in processes --listen 127.0.0.1:9999 --listen unix:/tmp/parley.sock\n"
    "  parley-server --model exec -- sort -r               a command per connection, as inetd does it\n"
    "  parley-server --list                                models and services, a line each\n";

template <class Row>
const Row& find(std::string_view kind, std::span<const Row> rows, std::string_view name) {
    const auto found = std::ranges::find(rows, name, &Row::name);
    if (found != rows.end()) return *found;
    std::vector<std::string_view> known;
    for (const auto& row : rows) known.push_back(row.name);
    throw std::invalid_argument(fmt::format("no such {} '{}': choose {}", kind, name, fmt::join(known, ", ")));
}

std::string remark_on(const service_entry&) { return {}; }

std::string remark_on(const model& row) {
    const auto obstacle = row.obstacle();
    return obstacle.empty() ? "" : " (unavailable here: " + obstacle + ")";
}

template <class Row>
std::string lines_of(std::span<const Row> rows) {
    std::string text;
    for (const auto& row : rows) text += fmt::format("  {:<12}{}{}\n", row.name, row.summary, remark_on(row));
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
        "| topic of the notes | model | Stevens, UNP vol. 1 | muduo, and others | file | when it is wrong |\n"
        "|---|---|---|---|---|---|\n";
    for (const auto& row : models())
        text += fmt::format("| {} | `{}` | {} | {} | [{}](server/models/{}) | {} |\n", row.topic, row.name,
                            row.stevens, row.muduo, row.file, row.file, row.wrong);
    return text;
}

/// A flag that prints what `text()` returns and ends the program, as --help does.
void add_list(CLI::App& app, const std::string& name, std::function<std::string()> text,
              const std::string& description) {
    const auto print = [text = std::move(text)] {
        write_result(text());
        throw CLI::Success{};
    };
    app.add_flag_callback(name, print, description);
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

void apply_defaults(server_options& options, const model& chosen) {
    const auto refuse = [&](std::string_view option, std::string_view why) {
        throw std::invalid_argument(fmt::format("{} does not fit the model {}: {}", option, chosen.name, why));
    };
    const int processors = usable_cpu_count();
    if (options.listen.empty()) options.listen = {chosen.datagrams ? "udp:127.0.0.1:9999" : "127.0.0.1:9999"};
    const bool workers_open = options.workers == 0, threads_open = options.threads == 0;
    if (workers_open) options.workers = chosen.default_workers > 0 ? chosen.default_workers : processors;
    if (threads_open) options.threads = processors;
    if (chosen.workers_serve) { // each of them takes a client at least
        const int most = options.max_connections;
        const int each = chosen.threads_serve && !threads_open ? options.threads : 1;
        if (workers_open) options.workers = std::clamp(most / each, 1, options.workers);
        if (threads_open && chosen.threads_serve)
            options.threads = std::clamp(most / options.workers, 1, options.threads);
        const int all = options.workers * (chosen.threads_serve ? options.threads : 1);
        if (all > most)
            refuse(fmt::format("--max-connections {}", most),
                   fmt::format("its {} workers take a client each", all));
    }
    if (options.accept.empty()) options.accept = name_of(chosen.accepts.front());
    accept_strategy_of(chosen, options.accept);
    if (options.in == worker_kind::processes && !chosen.in_either)
        refuse("--in processes", "only loops takes it");
    if (options.min_spare > 0) {
        if (chosen.name != "prefork") refuse("--min-spare", "only prefork grows");
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
    if (chosen.datagrams && !find_service(options.service).datagrams)
        refuse("--service " + options.service, "over datagrams there are echo and welcome");
    if (options.max_connections_per_worker > 0 && chosen.name != "prefork")
        refuse("--max-connections-per-worker", "only prefork replaces its workers");
    if (chosen.commands == options.command.empty())
        refuse(chosen.commands ? "no command" : fmt::format("the command '{}'", options.command.front()),
               chosen.commands ? "write it at the end, as in -- sort -r" : "only exec runs one");
}

int most_workers(const server_options& options) {
    return std::max({options.workers * options.threads, options.max_workers, options.max_connections});
}

accept_strategy accept_strategy_of(const model& chosen, std::string_view name) {
    std::vector<std::string_view> known;
    for (const auto each : chosen.accepts) {
        if (name_of(each) == name) return each;
        known.push_back(name_of(each));
    }
    throw std::invalid_argument(fmt::format("--accept {} does not fit the model {}: choose {}", name,
                                            chosen.name, fmt::join(known, ", ")));
}

void describe_options(CLI::App& app, server_options& options) {
    app.add_option("-m,--model", options.model, "how clients are served: see --list")->capture_default_str();
    app.add_option("-s,--service", options.service, "what they are served: see --list")->capture_default_str();
    app.add_option(
           "-l,--listen", options.listen,
           "HOST:PORT (port 0: the kernel chooses; a name stands for all its addresses), unix:PATH, unix:@NAME "
           "(abstract), or udp:HOST:PORT for the model datagram; may be repeated; default 127.0.0.1:9999")
        ->type_name("ADDRESS")
        ->expected(1)
        ->allow_extra_args(false) // or it would take the -- before a command
        ->take_all();
    app.add_option(
        "--accept", options.accept,
        "who accepts: each, file-lock, mutex, pass or reuseport (prefork); main, each or mutex (pool); "
        "reuseport or exclusive (loops)");
    app.add_option("--in", options.in, "in what loops run: threads or processes")
        ->transform(
            CLI::CheckedTransformer(std::map<std::string, worker_kind>{{"threads", worker_kind::threads},
                                                                       {"processes", worker_kind::processes}})
                .description(""))
        ->type_name("threads|processes")
        ->default_str("threads");
    app.add_option("-w,--workers", options.workers,
                   "processes, threads or loops; default: the processors that it may use, and 1 for coroutine")
        ->check(CLI::Range(1, 10'000));
    app.add_option("--threads", options.threads,
                   "threads in each process of hybrid, or for the work of coroutine; default: as for --workers")
        ->check(CLI::Range(1, 1'000));
    app.add_option("--min-spare", options.min_spare, "prefork adds workers when fewer are idle; default: never")
        ->check(CLI::Range(1, 10'000));
    app.add_option("--max-spare", options.max_spare,
                   "and ends one when more are idle; default: twice --min-spare")
        ->check(CLI::Range(1, 10'000));
    app.add_option("--max-workers", options.max_workers, "prefork's limit when it grows; default: 256")
        ->check(CLI::Range(1, 10'000));
    app.add_option("--max-connections-per-worker", options.max_connections_per_worker,
                   "prefork replaces a worker after so many; default: never")
        ->check(CLI::Range(1, 1'000'000'000));
    app.add_option("--max-connections", options.max_connections,
                   "at a time, in equal shares of the loops; further clients wait in the kernel")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    app.add_option("--backlog", options.backlog, "length of the kernel's queue of clients; it caps it itself")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    app.add_option_function<std::string>(
           "--unix-mode", [&options](const std::string& text) { options.unix_mode = mode_of(text); },
           "who may connect to a UNIX socket, as chmod takes it")
        ->type_name("OCTAL")
        ->default_str("600");
    app.add_option("--user", options.user,
                   "give up root for this user, by name or number, once the addresses are bound")
        ->type_name("USER[:GROUP]");
    add_duration(app, "--idle-timeout", options.idle_timeout,
                 "a client that completes no request for so long is let go; 0s: never");
    add_duration(app, "--grace", options.grace, "how long replies in flight may take after SIGTERM or SIGINT");
    app.add_option("--metrics", options.metrics,
                   "serves what the workers do at http://HOST:PORT/metrics, in Prometheus' text format")
        ->type_name("HOST:PORT");
    app.add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off")
        ->capture_default_str();

    auto& services = options.services;
    app.add_option("--greeting", services.greeting, "what the service welcome says")->capture_default_str();
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
           "how the service counter counts: mutex, atomic; or wrongly: unlocked, private")
        ->default_str("mutex");
    app.add_option("--max-digits", services.max_digits, "decimals that a request to pi may ask for")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    add_duration(app, "--max-wait", services.max_wait, "time that a request to wait may ask for");

    const auto both = [] {
        return fmt::format("models:\n{}\nservices:\n{}", lines_of(models()), lines_of(parley::services()));
    };
    add_list(app, "--list", both, "prints the models and the services");
    add_list(
        app, "--list-models", [] { return names_of(models()); }, "prints the models' names, for scripts");
    add_list(
        app, "--list-services", [] { return names_of(parley::services()); }, "prints the services' names");
    add_list(app, "--list-table", table_of_models, "prints the models as the table of the README");
    app.add_option("command", options.command, "after --: what the model exec runs, and its arguments")
        ->type_name("");
    describe(app, examples);
}

} // namespace parley
