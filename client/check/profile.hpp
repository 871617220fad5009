// Profiles: what a right server replies. A check asks the profile for requests and compares the replies, so one
// check serves many kinds of server.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// The options of a profile; only custom and welcome need them.
struct profile_options {
    std::string greeting; // welcome: the text without its newline; empty: any line
    std::string send;     // custom: the request
    std::string expect;   // custom: the reply
    bool lines = false;   // echo: the server replies to whole lines only
};

struct profile {
    std::string name;
    bool takes_requests = true; // false: the server greets and closes
    bool by_lines = false;      // a request is a line, and so is its reply
    bool is_echo = false;       // the reply repeats the request
    bool is_counter = false;    // the reply is the next number of one counter
    bool is_any_size = true;    // requests of any size are possible
    std::string greeting;       // what the server sends first; empty: nothing, or any line if it only greets

    /// Returns a request of about `size` bytes, with its newline if it is a line. The bytes of two `numbers`
    /// differ.
    std::function<std::string(std::size_t number, std::size_t size)> request;

    /// Returns the reply to a request. Of a counter it is unknown: then this is empty.
    std::function<std::string(std::string_view request)> reply;

    /// True if `line` (without its newline) is a right reply to the request. Only if by_lines.
    std::function<bool(std::string_view request, std::string_view line)> is_reply;
};

/// A row of the table, for --help and --list.
struct profile_row {
    std::string_view name;
    std::string_view summary;
    profile (*make)(const profile_options& options);
};

std::span<const profile_row> profiles();

/// Throws std::invalid_argument if there is no such profile, or if its options are missing.
profile make_profile(std::string_view name, const profile_options& options);

} // namespace parley
