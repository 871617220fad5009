// Publishes the facts: `layout` is stored last, so a reader that sees it sees all other members (release,
// acquire).
#include "common/scoreboard/server_facts.hpp"
#include "common/clock.hpp"

#include <unistd.h>

namespace parley {

void server_facts::publish(int slot_count, std::string_view model_name, std::string_view service_name,
                           std::span<const address> listening) {
    slots = static_cast<std::uint32_t>(slot_count);
    process = getpid();
    start_time = in_milliseconds(coarse_now());
    version.set(PARLEY_VERSION);
    model.set(model_name);
    service.set(service_name);
    std::string lines;
    for (const auto& address : listening) lines += address.to_string() + '\n';
    addresses.set(lines);
    layout.store(current_layout, std::memory_order_release);
}

} // namespace parley
