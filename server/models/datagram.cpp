// datagram: no connections at all: each datagram is a whole conversation, and its answer another one.
//
//   who runs a session    the only thread, from the datagram to its answer
//   sessions share        everything, and never at the same time
//   what bounds it        one core; what comes too fast is lost, and nobody is told (udp(7))
//   when it is wrong      answers larger than a packet; requests that must not be lost; work for the processor
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
constexpr std::size_t most_bytes = 65'536;

constexpr int at_a_time = 64; // datagrams of one socket, then the others have their turn

/// A driver whose input is one datagram, and which collects what the session says.
std::string answer_to(std::string_view datagram, session session, int worker) {
    std::string answer;
    session.assign_worker(worker);
    while (const step* wanted = session.next()) {
        if (std::holds_alternative<need_input>(*wanted))
            session.feed(std::exchange(datagram, {}));
        else if (const auto* out = std::get_if<output>(wanted))
            answer += out->bytes;
        else if (const auto* pause = std::get_if<delay>(wanted))
            stop_signal::sleep(pause->time);
        else
            std::get<compute> (*wanted)();
    }
    return answer;
}

class datagram_server {
public:
    datagram_server(listener& listener, const service& offered, worker& worker)
        : listener_{listener}, offered_{offered}, worker_{worker} {
        for (const auto& address : listener.addresses()) ports_.push_back(address.port());
        for (const auto& socket : listener.sockets()) {
            const int yes = 1; // one of the two is of another family, and fails
            setsockopt(socket.get(), IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
            setsockopt(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes);
        }
    }

    /// Answers what is there, up to a number.
    void serve() {
        for (const auto& socket : listener_.sockets())
            for (int count = 0; count != at_a_time && serve_one(socket.get()); ++count) {
            }
    }

private:
    /// Returns false if no datagram is there. An answer that cannot be sent is lost.
    bool serve_one(int socket) {
        datagram_message one{input_};
        const auto size = recvmsg(socket, &one.header, MSG_DONTWAIT);
        if (size < 0) return errno != EAGAIN; // else the network's news of an earlier answer
        if ((one.header.msg_flags & MSG_TRUNC) || !may_answer(one.source_port())) return true;
        worker_.begin_connection(
            address{reinterpret_cast<const sockaddr*>(&one.from), one.header.msg_namelen, SOCK_DGRAM});
        auto& slot = worker_.stats();
        slot.bytes_in.add(static_cast<std::uint64_t>(size));
        slot.now.set(activity::writing);
        try {
            const auto answer =
                answer_to({input_.data(), static_cast<std::size_t>(size)}, offered_(), worker_.number());
            one.become_answer(answer);
            const auto sent = sendmsg(socket, &one.header, MSG_DONTWAIT);
            if (sent >= 0) {
                slot.bytes_out.add(static_cast<std::uint64_t>(sent));
                slot.requests.add(1);
            } else if (complain_()) {
                log::warn("sendmsg: {}; an answer is lost", std::strerror(errno));
            }
        } catch (const std::exception& error) {
            log::error("datagram: {}", error.what());
        }
        worker_.end_connection();
        return true;
    }

    /// The source of a datagram can be forged. One from a port below 1024, or from a port that this server
    /// listens at, gets no answer: that would be a request to another service (as inetd refuses it), or to this
    /// one, for ever.
    [[nodiscard]] bool may_answer(int port) const {
        return port >= IPPORT_RESERVED && std::ranges::find(ports_, port) == ports_.end();
    }

    listener& listener_;
    const service& offered_;
    worker& worker_;
    std::vector<int> ports_;
    std::vector<char> input_ = std::vector<char>(most_bytes);
    once_a_second complain_;
};

} // namespace

void datagram(listener& listener, const service& offered, const model_options& options) {
    worker self{options.board, 1};
    datagram_server server{listener, offered, self};
    options.ready();
    while (stop_signal::wait_readable({listener.descriptor()})) server.serve();
}

} // namespace parley
