// datagram: UDP without connections: each datagram is a whole conversation, and its reply is another datagram.
//
//   who runs a session    the only thread, from the datagram to its reply
//   sessions share        everything, but never at the same time
//   what bounds it        one core; datagrams that come too fast are lost without a message (udp(7))
//   when not to use it    replies larger than a packet; requests that must not be lost; CPU-bound work
//   seen in               Stevens' ch. 8; daytime and DNS servers
#include "common/log.hpp"
#include "common/process/stop_signal.hpp"
#include "server/datagram_message.hpp"
#include "server/model.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <span>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace parley {

namespace {

/// More than the largest payload of UDP: 65,507 bytes over IPv4, 65,527 over IPv6 (RFC 768, RFC 8200).
constexpr std::size_t buffer_size = 65'536;

constexpr int datagrams_per_turn = 64; // of one socket; then the other sockets have their turn

/// Runs a session whose input is one datagram, and returns its output: a driver without a socket.
std::string reply_to(std::string_view datagram, session session, int worker) {
    std::string reply;
    session.assign_worker(worker);
    while (const step* next = session.next()) {
        if (std::holds_alternative<need_input>(*next))
            session.feed(std::exchange(datagram, {}));
        else if (const auto* out = std::get_if<output>(next))
            reply += out->bytes;
        else if (const auto* pause = std::get_if<delay>(next))
            stop_signal::sleep(pause->time);
        else
            std::get<compute> (*next)();
    }
    return reply;
}

class datagram_server {
public:
    datagram_server(listener& listener, const service& offered, worker& worker)
        : listener_{listener}, offered_{offered}, worker_{worker} {
        for (const auto& address : listener.addresses()) ports_.push_back(address.port());
        for (const auto& socket : listener.sockets()) {
            const int yes = 1; // one of the two calls is for the other family, and fails
            setsockopt(socket.get(), IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
            setsockopt(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes);
        }
    }

    /// Replies to the datagrams that are there, up to datagrams_per_turn for each socket.
    void serve() {
        for (const auto& socket : listener_.sockets())
            for (int count = 0; count != datagrams_per_turn && serve_one(socket.get()); ++count) {
            }
    }

private:
    /// Replies to one datagram. Returns false if none is there. A reply that cannot be sent is lost.
    bool serve_one(int socket) {
        datagram_message message{input_};
        const auto size = recvmsg(socket, &message.header, MSG_DONTWAIT);
        if (size < 0) return errno != EAGAIN; // others are errors of an earlier reply, such as ECONNREFUSED
        if ((message.header.msg_flags & MSG_TRUNC) || !may_reply(message.source_port())) return true;
        worker_.begin_connection(
            address{reinterpret_cast<const sockaddr*>(&message.from), message.header.msg_namelen, SOCK_DGRAM});
        auto& stats = worker_.stats();
        stats.bytes_in.add(static_cast<std::uint64_t>(size));
        stats.now.set(activity::writing);
        try {
            const auto reply =
                reply_to({input_.data(), static_cast<std::size_t>(size)}, offered_(), worker_.number());
            message.become_reply(reply);
            const auto sent = sendmsg(socket, &message.header, MSG_DONTWAIT);
            if (sent >= 0) {
                stats.bytes_out.add(static_cast<std::uint64_t>(sent));
                stats.requests.add(1);
            } else if (should_log_()) {
                log::warn("sendmsg: {}; a reply is lost", std::strerror(errno));
            }
        } catch (const std::exception& error) {
            log::error("datagram: {}", error.what());
        }
        worker_.end_connection();
        return true;
    }

    /// True unless the reply could be a request to a server: the source of a datagram can be forged. A source
    /// port below 1024 belongs to another service (inetd refuses it, too); at a port of this server, the
    /// replies would never end.
    [[nodiscard]] bool may_reply(int port) const {
        return port >= IPPORT_RESERVED && std::ranges::find(ports_, port) == ports_.end();
    }

    listener& listener_;
    const service& offered_;
    worker& worker_;
    std::vector<int> ports_;
    std::vector<char> input_ = std::vector<char>(buffer_size);
    once_a_second should_log_;
};

} // namespace

void datagram(listener& listener, const service& offered, const model_options& options) {
    worker worker{options.board, 1};
    datagram_server server{listener, offered, worker};
    options.ready();
    while (stop_signal::wait_readable({listener.descriptor()})) server.serve();
}

} // namespace parley
