// What parley-client does with its connection: it lets a user talk, or it says one thing and checks the answer.
#pragma once

#include "client/conversation/protocols.hpp"
#include "common/net/connection.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace parley {

struct relay_options {
    int input = 0;                             // what is read from this descriptor is sent; -1: nothing is sent
    int output = 1;                            // what comes is written to this descriptor
    std::chrono::milliseconds timeout{10'000}; // for the reply to what was sent, and for the server's end

    /// Called for each reply: the time from the first byte that was sent (or from the beginning, where
    /// nothing is) to the first that came.
    std::function<void(std::chrono::nanoseconds)> on_reply;
};

/// Sends all of the input and writes what comes, both at once, until the server's end; ends our direction when
/// the input ends. The connection is non-blocking. Throws std::system_error where it is lost or a descriptor
/// fails, conversation_failed where no reply comes in time.
void relay(connection connection, const relay_options& options);

/// Has a conversation of one request. What comes is added to `heard`. Returns the request's round-trip time.
/// Throws conversation_failed where the answer is wrong or does not come in time, std::system_error where the
/// connection is lost.
std::chrono::nanoseconds ask_once(const protocol& with, const request_plan& plan, connection connection,
                                  std::chrono::milliseconds timeout, std::string& received);

} // namespace parley
