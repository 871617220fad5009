#include "client/check/capacity.hpp"

#include "client/check/client_group.hpp"

#include <fmt/format.h>

namespace parley {

namespace {

/// Returns how many more there are per client; less than half a one is chance.
double per_client(int before, int now) {
    const auto share = static_cast<double>(now - before) / server_capacity::clients_tried;
    return share < 0.5 ? 0 : share;
}

} // namespace

std::string server_capacity::to_string() const {
    if (clients == 1) return "it serves one client at a time";
    auto text = clients < clients_tried ? fmt::format("it serves {} clients at a time", clients)
                                        : fmt::format("it serves at least {} clients at a time", clients);
    if (processes_per_client > 0) return text + ", each by a process";
    if (threads_per_client > 0) return text + ", each by a thread";
    return text + ", without a process or thread for each";
}

server_capacity observe_capacity(const profile& profile, const server_promise& promise) {
    if (!promise.running) examined_server{{.command = promise.command}}; // throws start_failed
    server_capacity capacity;
    if (!profile.takes_requests) return capacity;
    try {
        examination examination{profile, promise};
        auto& server = examination.server();
        const bool is_ours = server.is_ours();
        const auto processes = is_ours ? static_cast<int>(server.processes().size()) : 0;
        const auto threads = is_ours ? server.threads() : 0;
        std::vector<unique_fd> clients;
        const auto served = count_served(examination, server_capacity::clients_tried, clients);
        if (served == 0) return capacity; // the first check will say why
        capacity.clients = static_cast<int>(served);
        if (is_ours && server.is_running()) {
            capacity.processes_per_client = per_client(processes, static_cast<int>(server.processes().size()));
            capacity.threads_per_client = per_client(threads, server.threads());
        }
    } catch (const check_ended&) { // the check of this fault comes later
    }
    end_survivors();
    return capacity;
}

} // namespace parley
