#include "client/compare/measure/server_start.hpp"

#include "client/conversation/connect.hpp"
#include "common/net/listener.hpp"

#include <array>
#include <fmt/format.h>
#include <stdexcept>
#include <string_view>

namespace parley {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds starting_limit = 10s; // for a server to become ready
constexpr std::string_view placeholder = "{port}";

/// Returns an unused address. If another program binds it before the server does, the server reports that, and
/// the measurement gets a problem.
address free_address() {
    const listener listener{address::resolve("127.0.0.1:0").front(), {}};
    return listener.addresses().front();
}

bool accepts(const std::string& text) {
    try {
        connect_to(std::array{address::resolve(text).front()}, starting_limit);
        return true;
    } catch (const std::exception&) {
        return false; // not yet
    }
}

/// Waits for the ready line, and returns the address in it.
std::string address_in_ready_line(subprocess& server) {
    constexpr std::string_view opening = "listening on ";
    constexpr int most_lines = 100; // so that a chatty server without a ready line fails
    for (int i = 0; i != most_lines; ++i) {
        const auto line = server.read_line(starting_limit);
        const auto position = line.find(opening);
        if (position == line.npos) continue;
        const auto begin = position + opening.size();
        return line.substr(begin, line.find(' ', begin) - begin);
    }
    throw std::runtime_error("the server printed no line with 'listening on HOST:PORT'");
}

} // namespace

server_launcher::server_launcher(const contender& contender, const workload& load,
                                 const std::string& parley_server)
    : words_{contender.command_line(load, parley_server)} {
    if (contender.command.find(placeholder) == std::string::npos) return;
    address_ = free_address().to_string();
    const auto port = address_.substr(address_.rfind(':') + 1);
    for (auto& word : words_)
        for (auto position = word.find(placeholder); position != word.npos; position = word.find(placeholder))
            word.replace(position, placeholder.size(), port);
}

std::string server_launcher::wait_until_ready(subprocess& server) const {
    if (address_.empty()) return address_in_ready_line(server);
    const auto deadline = std::chrono::steady_clock::now() + starting_limit;
    while (!server.wait(5ms)) {
        if (accepts(address_)) return address_;
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error(
                fmt::format("the server did not accept at {} within {} s", address_, starting_limit / 1s));
    }
    throw std::runtime_error("the server left before it accepted");
}

} // namespace parley
