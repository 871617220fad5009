// datagram: no connections at all: each datagram is a whole conversation, and its answer another one.
//
//   who runs a session    the only thread, from the datagram to its answer
//   sessions share        everything, and never at the same time
//   what bounds it        one core; what comes too fast is lost, and nobody is told (udp(7))
//   when it is wrong      answers larger than a packet; requests that must not be lost; work for the processor
//   seen in               Stevens' ch. 8; daytime and DNS servers
#include "common/log.hpp"
#include "common/stop_signal.hpp"
#include "server/model.hpp"

#include <array>
#include <string>
#include <sys/socket.h>
#include <system_error>

namespace parley {

namespace {

/// The largest payload of UDP over IPv4.
constexpr std::size_t most_bytes = 65'507;

/// A driver whose input is one datagram, and which collects what the session says.
std::string answer_to(std::string_view datagram, session talk, int worker) {
    std::string answer;
    talk.taken_by(worker);
    while (const step* wanted = talk.next()) {
        if (std::holds_alternative<need_input>(*wanted))
            talk.feed(std::exchange(datagram, {}));
        else if (const auto* out = std::get_if<output>(wanted))
            answer += out->bytes;
        else if (const auto* pause = std::get_if<delay>(wanted))
            stop_signal::sleep(pause->time);
        else
            std::get<compute> (*wanted)();
    }
    return answer;
}

/// Takes one datagram, where there is one, and sends its answer. An answer that cannot be sent is lost.
void serve_datagram(int socket, const service& offered, worker& by) {
    static std::array<char, most_bytes> input; // one thread, one buffer
    sockaddr_storage from;
    socklen_t from_size = sizeof from;
    auto* const peer = reinterpret_cast<sockaddr*>(&from);
    const auto size = recvfrom(socket, input.data(), input.size(), MSG_DONTWAIT, peer, &from_size);
    if (size < 0) return; // nobody, or the network's news of an earlier answer
    by.begin_connection(address{peer, from_size, SOCK_DGRAM});
    auto& notes = by.notes();
    notes.bytes_in.add(static_cast<std::uint64_t>(size));
    notes.now.set(activity::writing);
    try {
        auto answer = answer_to({input.data(), static_cast<std::size_t>(size)}, offered(), by.number());
        answer.resize(std::min(answer.size(), most_bytes));
        const auto sent = sendto(socket, answer.data(), answer.size(), MSG_DONTWAIT, peer, from_size);
        if (sent >= 0) {
            notes.bytes_out.add(static_cast<std::uint64_t>(sent));
            notes.requests.add(1);
        }
    } catch (const std::exception& error) {
        log::error("datagram: {}", error.what());
    }
    by.end_connection();
}

} // namespace

void datagram(listener& door, const service& offered, const model_options& options) {
    worker self{options.board, 1};
    options.ready();
    while (stop_signal::wait_readable({door.descriptor()}))
        for (const auto& each : door.sockets()) serve_datagram(each.get(), offered, self);
}

} // namespace parley
