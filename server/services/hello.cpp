// Thread-local data as in the lecture: a greeting is composed by nested functions that get no argument. They
// read the context of the request for which their thread works: see common/session/request_context.hpp.
#include "server/service.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace parley {

namespace {

std::string origin() {
    return fmt::format("request {}, worker {}", this_request().request, this_request().worker);
}

std::string signature() { return fmt::format("({})", origin()); }

std::string greeting() { return fmt::format("Hello, {} {}\n", this_request().text, signature()); }

bool is_name(std::string_view text) {
    const auto is_control = [](unsigned char byte) { return std::iscntrl(byte) != 0; };
    return !text.empty() && std::none_of(text.begin(), text.end(), is_control);
}

constexpr std::string_view no_name = "error: a name has at least one character, and no control characters\n";

} // namespace

session hello(server_state&) {
    while (const auto name = co_await read_line()) {
        const auto response = is_name(*name) ? greeting() : std::string{no_name};
        co_await reply(response);
    }
}

} // namespace parley
