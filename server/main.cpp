// parley-server: runs any service under any concurrency model.
//
// run_server() below is the start of a server, in order: check the options, open the listening sockets as root,
// drop privileges, start the metrics program, run the model. No step before the model starts a thread, since it
// may fork.
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

/// The listening sockets and, for UNIX sockets, their files.
struct opened_sockets {
    std::vector<unique_fd> sockets;
    std::vector<socket_file> files;
    listener::socket_ownership ownership = listener::socket_ownership::owned;
};

/// The addresses that one --listen stands for.
using address_list = std::vector<address>;

/// True if an IPv6 address of `addresses` has the port of an IPv4 address in the list. Then [::] must not take
/// IPv4, too, which it does by default on most systems (bindv6only, ipv6(7)): the second bind(2) would fail.
bool needs_v6_only(const address_list& addresses, const std::vector<address_list>& all) {
    for (const auto& address : addresses)
        for (const auto& list : all)
            for (const auto& other : list)
                if (address.family() == AF_INET6 && other.family() == AF_INET && address.port() == other.port())
                    return true;
    return false;
}

opened_sockets open_listening_sockets(const server_options& options, const model& model, listen_options how) {
    opened_sockets opened;
    std::vector<address_list> lists;
    for (const auto& text : options.listen) {
        lists.push_back(address::resolve(text));
        if ((lists.back().front().type() == SOCK_DGRAM) != model.datagrams)
            throw std::invalid_argument(
                fmt::format("{}: only the model datagram takes udp: addresses, and no others", text));
    }
    for (const auto& addresses : lists) {
        how.v6_only = needs_v6_only(addresses, lists);
        for (auto& socket : open_sockets(addresses, how)) {
            const auto address = address::of_socket(socket.get());
            opened.sockets.push_back(std::move(socket));
            if (!address.path().empty()) opened.files.emplace_back(address.path());
            if (!address.is_local())
                log::warn("{}: every host that reaches this machine may connect", address.to_string());
        }
    }
    return opened;
}

int run_server(server_options options) {
    set_up_log(options.log_level);
    const auto& model = find_model(options.model);
    const auto& entry = find_service(options.service);
    auto inherited = systemd::take_sockets(model.datagrams ? SOCK_DGRAM : SOCK_STREAM);
    const systemd::notification service_manager;
    if (!inherited.empty() && !options.listen.empty())
        throw std::invalid_argument("the sockets come from systemd (LISTEN_FDS): leave --listen out");
    apply_defaults(options, model);
    const auto user = options.user.empty() ? std::nullopt : std::optional{find_account(options.user)};
    if (const auto obstacle = model.obstacle(); !obstacle.empty())
        throw std::runtime_error(fmt::format("model {} is not available here: {}", model.name, obstacle));

    stop_signal::install(options.grace);
    raise_descriptor_limit();
    scoreboard board{most_workers(options)};
    server_state shared{options.services, board.size()};
    const service offered = [&] { return entry.open(shared); };

    const auto accept = accept_strategy_of(model, options.accept);
    const listen_options how{.backlog = options.backlog,
                             .shared_port = accept == accept_strategy::reuseport && options.workers > 1,
                             .unix_mode = options.unix_mode};
    auto metrics_socket = options.metrics.empty() ? unique_fd{} : open_metrics_socket(options.metrics);
    auto opened = inherited.empty()
                      ? open_listening_sockets(options, model, how)
                      : opened_sockets{std::move(inherited), {}, listener::socket_ownership::inherited};
    listener listener{std::move(opened.sockets), opened.ownership};
    if (accept == accept_strategy::reuseport) listener.open_queues(options.workers, how);
    if (user) {
        for (const auto& file : opened.files) file.give_to(user->user, user->group);
        drop_privileges(*user);
    }
    if (model.commands) find_program(options.command.front()); // throws now, not at each client
    const auto offer = model.commands ? options.command.front() : std::string{entry.name};
    const auto addresses = listener.addresses();
    board.facts().publish(board.size(), model.name, offer, addresses);
    const stop_signal::record_stop_time record{board.facts().stop_requested};
    std::optional<metrics_process> metrics;
    if (metrics_socket) metrics.emplace(std::move(metrics_socket), board);
    ready_report ready{[&] {
        for (const auto& address : addresses)
            write_notice(fmt::format("listening on {} (model {}, service {})\n", address.to_string(),
                                     model.name, offer));
        if (metrics) write_notice(metrics->ready_line() + '\n');
        service_manager.ready(fmt::format("serves {} (model {})", offer, model.name));
    }};
    model.run(listener, offered,
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
    CLI::App app{"A TCP server with a choice of concurrency models.", "parley-server"};
    parley::server_options options;
    parley::describe_options(app, options);
    return parley::run_program(app, count, words, [&] { return parley::run_server(options); });
}
