// Message channel between a controller and an agent, encrypted and authenticated by TLS 1.3 with a pre-shared
// key (RFC 8446, section 2.2), without certificates. A message is a JSON value, sent as CBOR (RFC 8949) after
// its length.
#pragma once

#include "common/net/connection.hpp"

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

struct ssl_ctx_st; // OpenSSL's types, which only psk_channel.cpp uses
struct ssl_st;

namespace parley {

/// Returns the first line of a file. Throws std::invalid_argument if the file cannot be read, if other users
/// may read it, or if the line is shorter than 16 characters: an eavesdropper on a handshake could guess a
/// short secret.
std::string read_secret(const std::string& file);

/// Not thread-safe. SIGPIPE must be ignored.
class psk_channel {
public:
    enum class side { agent, controller };

    /// Performs the handshake over a connected stream socket. Throws std::runtime_error if the peer does not
    /// know the secret, or if the handshake takes longer than `limit`.
    psk_channel(connection connection, side own_side, const std::string& secret,
                std::chrono::milliseconds limit);

    /// Sends a message. Throws std::runtime_error if the peer has disconnected, or does not take the message
    /// within ten seconds.
    void send(const nlohmann::json& message);

    /// Returns the next message; nullopt if it has not arrived completely within `time_limit`. Throws
    /// std::runtime_error if the peer has disconnected or sent an invalid message.
    std::optional<nlohmann::json> receive(std::chrono::milliseconds time_limit);

    /// Returns the descriptor for poll(2). If it is readable, call receive() until it returns nullopt.
    [[nodiscard]] int descriptor() const { return connection_.descriptor(); }
    [[nodiscard]] const address& peer() const { return connection_.peer(); }

private:
    using clock = std::chrono::steady_clock;
    struct destroy {
        void operator()(ssl_ctx_st* context) const;
        void operator()(ssl_st* tls) const;
    };

    template <class Call>
    bool retry(Call call, clock::time_point deadline);
    [[nodiscard]] std::optional<nlohmann::json> first_message();

    connection connection_;
    std::unique_ptr<ssl_ctx_st, destroy> context_;
    std::unique_ptr<ssl_st, destroy> tls_;
    std::string received_; // the beginning of the next message
};

} // namespace parley
