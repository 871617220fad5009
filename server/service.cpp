#include "server/service.hpp"

namespace parley {

std::span<const service_entry> services() {
    static constexpr service_entry table[] = {
        {"welcome", "greets and says goodbye", welcome, true},
        {"echo", "sends every byte back", echo, true},
        {"counter", "answers each line with the new value of one counter that all clients share", counter},
        {"hello", "greets the name on each line, from functions that read the request's context", hello},
        {"pi", "answers a line with a number N with N decimals of pi: work for the processor", pi},
        {"wait", "answers a line with a number MS after MS milliseconds: no work, but time", wait},
    };
    return table;
}

} // namespace parley
