#include "common/scoreboard/server_facts.hpp"

#include "common/clock.hpp"

#include <unistd.h>

namespace parley {

void server_facts::publish(int of_slots, std::string_view of_model, std::string_view of_service,
                           std::span<const address> at) {
    slots = static_cast<std::uint32_t>(of_slots);
    process = getpid();
    begun = in_milliseconds(coarse_now());
    version.set(PARLEY_VERSION);
    model.set(of_model);
    service.set(of_service);
    std::string lines;
    for (const auto& each : at) lines += each.to_string() + '\n';
    addresses.set(lines);
    layout.store(our_layout, std::memory_order_release);
}

} // namespace parley
