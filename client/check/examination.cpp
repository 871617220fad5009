#include "client/check/examination.hpp"

#include "client/conversation/expected_response.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <poll.h>

namespace parley {

examined_server& examination::server() {
    if (!server_) {
        if (promise_.running)
            server_.emplace(*promise_.running);
        else
            return start({.command = promise_.command});
    }
    return *server_;
}

examined_server& examination::start(server_start start) {
    if (start.command.empty()) start.command = promise_.command;
    try {
        server_.emplace(start);
    } catch (const start_failed& error) {
        fail(error.what(), "start");
    }
    step(fmt::format("the server listens at port {} (process {})", server_->port(), server_->pid()));
    return *server_;
}

probe examination::connect_only(int receive_buffer) { return probe{*this, receive_buffer}; }

probe examination::connect() {
    auto client = connect_only();
    if (profile_.takes_requests && !profile_.greeting.empty()) client.expect(profile_.greeting);
    return client;
}

void examination::exchange(probe& client, std::size_t number, std::size_t size) {
    const auto request = profile_.request(number, size);
    client.send(request);
    expect_reply(client, request);
}

void examination::expect_reply(probe& client, std::string_view request) {
    if (const auto reply = profile_.reply(request); !reply.empty()) {
        client.expect(reply);
        return;
    }
    const auto line = client.receive_line();
    expect(profile_.is_reply(request, line),
           fmt::format("{} is no reply to {}", in_quotes(line), in_quotes(request)));
}

std::size_t examination::clients_at_once(std::size_t wanted) {
    const auto possible = static_cast<std::size_t>(promise_.capacity.clients);
    if (possible < 2) skip("the server serves one client at a time");
    return std::min(wanted, possible);
}

void examination::step(std::string text) {
    const auto now = std::chrono::steady_clock::now();
    time_line_.push_back(
        {std::chrono::duration_cast<std::chrono::milliseconds>(now - begin_), std::move(text)});
}

void examination::pause() { poll(nullptr, 0, 5); }

void examination::end_if_late() {
    if (std::chrono::steady_clock::now() < deadline_) return;
    deadline_ = std::chrono::steady_clock::time_point::max(); // once
    fail_late("the check took longer than its time limit");
}

std::string examination::death() {
    if (!server_ || server_->is_running()) return {};
    const auto ended = *server_->end();
    return fmt::format("the server has died: {}; it said: {}", ended.to_string(), server_->last_words());
}

void examination::end_failed(std::string text, std::string hint, bool is_late) {
    // The death of a process may follow the end of its connections by some milliseconds.
    if (server_ && server_->is_ours()) server_->wait(std::chrono::milliseconds{50});
    if (const auto died = death(); !died.empty()) {
        const auto number = server_->end()->signal();
        throw check_ended{verdict::failed, fmt::format("{} ({})", died, text),
                          number == SIGPIPE ? "sigpipe"
                          : number          ? "crash"
                                            : "server-ended"};
    }
    throw check_ended{verdict::failed, std::move(text), std::move(hint), is_late};
}

void examination::skip(std::string why) { throw check_ended{verdict::skipped, std::move(why), {}}; }

void examination::not_sure(std::string why) { throw check_ended{verdict::not_sure, std::move(why), {}}; }

} // namespace parley
