// The entries of the log as JSON. JSON is data: a line can be wrong, but it can never run code.
#include "entry.hpp"

#include <nlohmann/json.hpp>

namespace {

/// A name may have any bytes. Those that are no UTF-8 are replaced by U+FFFD, since JSON is UTF-8.
std::string dump(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

} // namespace

std::string to_line(const log_entry& entry) { return dump({{"number", entry.number}, {"name", entry.name}}); }

std::optional<log_entry> from_line(const std::string& line) {
    const auto value = nlohmann::json::parse(line, nullptr, false);
    if (!value.is_object() || !value.contains("number") || !value.contains("name")) return std::nullopt;
    if (!value["number"].is_number_unsigned() || !value["name"].is_string()) return std::nullopt;
    return log_entry{value["number"].get<std::uint64_t>(), value["name"].get<std::string>()};
}

std::string to_json(const std::map<std::string, std::uint64_t>& totals) { return dump(totals); }
