#include "server/service.hpp"

namespace parley {

std::span<const service_entry> services() {
    static constexpr service_entry table[] = {
        {"welcome", "greets, and closes the connection", welcome, true},
        {"echo", "sends every byte back", echo, true},
        {"counter", "replies to each line with the new value of a counter that all clients share", counter},
        {"hello", "greets the name on each line, by functions that read the request's context", hello},
        {"pi", "replies to a number N with N decimals of pi: CPU-bound work", pi},
        {"wait", "replies to a number MS after MS milliseconds: a wait without work", wait},
    };
    return table;
}

} // namespace parley
