// parley-server: any service under any concurrency model.
#include "common/command_line.hpp"
#include "common/log.hpp"
#include "common/output.hpp"
#include "common/process/descriptor_limit.hpp"
#include "common/process/stop_signal.hpp"
#include "server/exec/child_command.hpp"
#include "server/host/exit_summary.hpp"
#include "server/host/metrics_process.hpp"
#include "server/host/privileges.hpp"
#include "server/host/socket_file.hpp"
#include "server/host/systemd.hpp"
#include "server/options.hpp"

#include <fmt/format.h>
#include <optional>

namespace parley {

namespace {

/// The doors and, for UNIX sockets, their files.
struct opened_sockets {
    std::vector<unique_fd> sockets;
    std::vector<socket_file> files;
    listener::socket_ownership ownership = listener::socket_ownership::owned;
};

/// [::] takes IPv4, too, where that is the system's way; but not from an IPv4 address of the same port in the
/// list.
bool leaves_ipv4_to_another(const std::vector<address>& name, const std::vector<std::vector<address>>& names) {
    for (const auto& own : name)
        for (const auto& others : names)
            for (const auto& other : others)
                if (own.family() == AF_INET6 && other.family() == AF_INET && own.port() == other.port())
                    return true;
    return false;
}

opened_sockets open_entrance(const server_options& options, const model& chosen, listen_options how) {
    opened_sockets opened;
    std::vector<std::vector<address>> names;
    for (const auto& text : options.listen) {
        names.push_back(address::resolve(text));
        if ((names.back().front().type() == SOCK_DGRAM) != chosen.datagrams)
            throw std::invalid_argument(
                fmt::format("{}: datagrams (udp:) are for the model datagram, and for no other", text));
    }
    for (const auto& name : names) {
        how.v6_only = leaves_ipv4_to_another(name, names);
        for (auto& socket : open_sockets(name, how)) {
            const auto at = address::of_socket(socket.get());
            opened.sockets.push_back(std::move(socket));
            if (!at.path().empty()) opened.files.emplace_back(at.path());
            if (!at.is_local())
                log::warn("{}: every host that reaches this machine may connect", at.to_string());
        }
    }
    return opened;
}

int run_server(server_options options) {
    set_up_log(options.log_level);
    const auto& chosen = find_model(options.model);
    const auto& chosen_service = find_service(options.service);
    auto lent = systemd::take_sockets(chosen.datagrams ? SOCK_DGRAM : SOCK_STREAM);
    const systemd::notification service_manager;
    if (!lent.empty() && !options.listen.empty())
        throw std::invalid_argument("the sockets come from systemd (LISTEN_FDS): leave --listen out");
    apply_defaults(options, chosen);
    const auto user = options.user.empty() ? std::nullopt : std::optional{find_account(options.user)};
    if (const auto obstacle = chosen.obstacle(); !obstacle.empty())
        throw std::runtime_error(fmt::format("model {} is not available here: {}", chosen.name, obstacle));

    stop_signal::install(options.grace);
    raise_descriptor_limit();
    scoreboard board{most_workers(options)};
    server_state shared{options.services, board.size()};
    const service offered = [&] { return chosen_service.open(shared); };

    const auto accept = accept_strategy_of(chosen, options.accept);
    const listen_options how{.backlog = options.backlog,
                             .shared_port = accept == accept_strategy::reuseport && options.workers > 1,
                             .unix_mode = options.unix_mode};
    auto metrics_socket = options.metrics.empty() ? unique_fd{} : open_metrics_socket(options.metrics);
    auto opened = lent.empty() ? open_entrance(options, chosen, how)
                               : opened_sockets{std::move(lent), {}, listener::socket_ownership::inherited};
    listener listener{std::move(opened.sockets), opened.ownership};
    if (accept == accept_strategy::reuseport) listener.open_queues(options.workers, how);
    if (user) {
        for (const auto& file : opened.files) file.give_to(user->user, user->group);
        drop_privileges(*user);
    }
    if (chosen.commands) find_program(options.command.front()); // one clear line, not one for each client
    const auto offer = chosen.commands ? options.command.front() : std::string{chosen_service.name};
    const auto addresses = listener.addresses();
    board.facts().publish(board.size(), chosen.name, offer, addresses);
    const stop_signal::record_stop_time facts{board.facts().stop_requested};
    std::optional<metrics_process> metrics;
    if (metrics_socket) metrics.emplace(std::move(metrics_socket), board);
    ready_report ready{[&] {
        for (const auto& each : addresses)
            write_notice(
                fmt::format("listening on {} (model {}, service {})\n", each.to_string(), chosen.name, offer));
        if (metrics) write_notice(metrics->ready_line() + '\n');
        service_manager.ready(fmt::format("serves {} (model {})", offer, chosen.name));
    }};
    chosen.run(listener, offered,
               {.workers = options.workers,
                .threads = options.threads,
                .min_spare = options.min_spare,
                .max_spare = options.max_spare,
                .max_workers = options.max_workers,
                .max_connections_per_worker = options.max_connections_per_worker,
                .max_connections = options.max_connections,
                .idle_timeout = options.idle_timeout,
                .accept = accept,
                .in = options.in,
                .command = options.command,
                .board = board,
                .ready = ready});
    stop_signal::disarm();
    write_notice(summary_of(board));
    return 0;
}

} // namespace

} // namespace parley

int main(int count, char** words) {
    CLI::App app{"Serves many clients at once, in the way that you choose.", "parley-server"};
    parley::server_options options;
    parley::describe_options(app, options);
    return parley::run_program(app, count, words, [&] { return parley::run_server(options); });
}
