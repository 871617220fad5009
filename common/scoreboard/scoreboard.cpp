// How a worker records its state, and how a peer's address fits into words with atomic access.
#include "common/scoreboard/scoreboard.hpp"
#include "common/clock.hpp"

#include <bit>
#include <cstring>
#include <netinet/in.h>
#include <unistd.h>

namespace parley {

std::string_view name_of(activity value) {
    switch (value) {
    case activity::none: return "free";
    case activity::starting: return "starting";
    case activity::waiting: return "waiting";
    case activity::reading: return "reading";
    case activity::idle: return "idle";
    case activity::writing: return "writing";
    case activity::closing: return "closing";
    case activity::finishing: return "finishing";
    }
    return "unknown";
}

void shared_address::set(const address& peer) {
    sockaddr_in6 v6{};
    if (peer.family() == AF_INET) {
        const auto& v4 = *reinterpret_cast<const sockaddr_in*>(peer.data());
        v6.sin6_port = v4.sin_port;
        std::memcpy(&v6.sin6_addr, &v4.sin_addr, sizeof v4.sin_addr);
    } else if (peer.family() == AF_INET6) {
        v6 = *reinterpret_cast<const sockaddr_in6*>(peer.data());
    }
    std::uint64_t halves[2];
    std::memcpy(halves, &v6.sin6_addr, sizeof halves);
    host[0].set(halves[0]);
    host[1].set(halves[1]);
    port.set(v6.sin6_port);
    family.set(static_cast<std::uint32_t>(peer.family()));
}

address shared_address::get() const {
    const std::uint64_t halves[2] = {host[0].get(), host[1].get()};
    if (family.get() == AF_INET) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = static_cast<in_port_t>(port.get());
        std::memcpy(&v4.sin_addr, halves, sizeof v4.sin_addr);
        return {reinterpret_cast<const sockaddr*>(&v4), sizeof v4};
    }
    sockaddr_in6 v6{}; // for a UNIX peer, which has no name, only with its family
    v6.sin6_family = static_cast<sa_family_t>(family.get());
    if (family.get() != AF_INET6) return {reinterpret_cast<const sockaddr*>(&v6), sizeof v6.sin6_family};
    v6.sin6_port = static_cast<in_port_t>(port.get());
    std::memcpy(&v6.sin6_addr, halves, sizeof halves);
    return {reinterpret_cast<const sockaddr*>(&v6), sizeof v6};
}

worker::worker(scoreboard& board, int number, pid_t process) : number_{number}, slot_{board.slot_of(number)} {
    slot_.now.set(activity::starting);
    slot_.process.set(process);
    slot_.thread.set(gettid());
    slot_.open.set(0); // the previous owner may have been killed with open connections
    slot_.now.set(activity::waiting);
}

worker::~worker() { slot_.now.set(activity::none); }

void worker::begin_connection(const address& peer) {
    slot_.connections.add(1);
    slot_.open.add(1);
    slot_.since.set(in_milliseconds(coarse_now()));
    slot_.peer.set(peer);
}

void worker::end_connection() {
    slot_.open.set(slot_.open.get() - 1);
    slot_.since.set(in_milliseconds(coarse_now()));
    slot_.now.set(activity::waiting);
}

} // namespace parley
