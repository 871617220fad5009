// One entry of the request log, as a line of JSON (JSON Lines, RFC 8259): {"name":"Ada","number":1}.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

struct log_entry {
    std::uint64_t number = 0; // from 1
    std::string name;
};

/// Returns the entry as one line, with its newline. Whatever bytes the name has, the line is valid JSON and has
/// no other newline; bytes that are no UTF-8 are replaced.
std::string to_line(const log_entry& entry);

/// Returns the entry of a line without its newline, or nullopt if the line is no entry.
std::optional<log_entry> from_line(const std::string& line);

/// Returns the totals as a JSON object with its newline: {"Ada":2,"Grace":1}.
std::string to_json(const std::map<std::string, std::uint64_t>& totals);
