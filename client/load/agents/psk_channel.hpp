// Messages between a controller and an agent of a load, over a connection that only those who know a common
// secret can open, and nobody else can read or change: TLS 1.3 with a key that both have (RFC 8446, 2.2), no
// certificates. A message is a JSON value, sent as CBOR (RFC 8949) behind its length.
#pragma once

#include "common/net/connection.hpp"

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

struct ssl_ctx_st; // OpenSSL's: only secret_channel.cpp looks into them
struct ssl_st;

namespace parley {

/// The first line of that file. Throws std::invalid_argument where it cannot be read, where others may read it,
/// or where it is shorter than 16 characters: whoever hears a handshake could try out a short one.
std::string read_secret(const std::string& file);

/// Used by one thread. SIGPIPE must be ignored.
class psk_channel {
public:
    enum class side { agent, controller };

    /// Shakes hands over a connected stream socket, within `limit`. Throws std::runtime_error where the other
    /// does not know the secret, or does not answer.
    psk_channel(connection connection, side ours, const std::string& secret, std::chrono::milliseconds limit);

    /// Throws std::runtime_error where the other has gone, or has not taken it within ten seconds.
    void send(const nlohmann::json& message);

    /// The next message; nothing: it has not come, or not all of it, within that time. Throws
    /// std::runtime_error where the other has gone, or what came makes no sense.
    std::optional<nlohmann::json> receive(std::chrono::milliseconds time_limit);

    /// For poll(2). Readable: call receive() until there is nothing.
    [[nodiscard]] int descriptor() const { return connection_.descriptor(); }
    [[nodiscard]] const address& peer() const { return connection_.peer(); }

private:
    using clock = std::chrono::steady_clock;
    struct destroy {
        void operator()(ssl_ctx_st* context) const;
        void operator()(ssl_st* one) const;
    };

    template <class Call>
    bool carry_out(Call call, clock::time_point deadline);
    [[nodiscard]] std::optional<nlohmann::json> first_message();

    connection connection_;
    std::unique_ptr<ssl_ctx_st, destroy> context_;
    std::unique_ptr<ssl_st, destroy> tls_;
    std::string received_; // and not yet a message
};

} // namespace parley
