// The two modes of parley-client: relay standard input and output, or send one request and check its reply.
#pragma once

#include "client/conversation/protocols.hpp"
#include "common/net/connection.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace parley {

struct relay_options {
    int input = 0;                             // descriptor to read from; -1: send nothing
    int output = 1;                            // descriptor to write replies to
    std::chrono::milliseconds timeout{10'000}; // for each reply, and for the server to close

    /// Called for each reply with the time from the first byte sent to the first byte received. If nothing is
    /// sent, the time counts from the beginning.
    std::function<void(std::chrono::nanoseconds)> on_reply;
};

/// Copies the input to the server and its replies to the output until the server closes the connection. At the
/// end of the input, shuts down the write side. The connection must be non-blocking. Throws std::system_error
/// if the connection is lost or a descriptor fails, conversation_failed if no reply arrives in time.
void relay(connection connection, const relay_options& options);

/// Sends one request and checks its reply. Appends what arrives to `received`. Returns the round-trip time.
/// Throws conversation_failed if the reply is wrong or does not arrive in time, std::system_error if the
/// connection is lost.
std::chrono::nanoseconds send_request(const protocol& protocol, const request_plan& plan, connection connection,
                                      std::chrono::milliseconds timeout, std::string& received);

} // namespace parley
