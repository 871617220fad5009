// The entries of the log as JSON. The handout says what to do in step 1: scripts/lab handout 1.
#include "entry.hpp"

#include <nlohmann/json.hpp>

std::string to_line(const log_entry& entry) {
    // Step 1: by nlohmann::json. A name can have quotes in it, and worse.
    return "{\"name\":\"" + entry.name + "\"}\n";
}

std::optional<log_entry> from_line(const std::string&) { return std::nullopt; /* step 1 */ }

std::string to_json(const std::map<std::string, std::uint64_t>& totals) {
    return nlohmann::json(totals).dump() + '\n';
}
