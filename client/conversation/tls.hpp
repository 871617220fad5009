// TLS, the client's side of it, over a socket that never waits (OpenSSL; ssl(7)).
#pragma once

#include "client/conversation/failures.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct ssl_ctx_st; // OpenSSL's: only tls.cpp looks into them
struct ssl_st;

namespace parley {

struct tls_options {
    std::string name; // that the certificate must be for, a host's or an IP address; also asked for (SNI)
    std::string authorities; // file of the certificates that are trusted (PEM); empty: those of the system
    bool verifies = true;
};

/// What all connections to one server have in common. Each shakes hands in full: no session is resumed.
class tls_client {
public:
    /// Throws std::invalid_argument where the file cannot be read, or there is no name to verify.
    explicit tls_client(const tls_options& options);

private:
    friend class tls_wire;
    struct destroy {
        void operator()(ssl_ctx_st* context) const;
    };
    std::unique_ptr<ssl_ctx_st, destroy> context_;
    std::string name_;
    bool verifies_;
};

/// One connection's TLS. Reads and writes as a connection (common/net/connection.hpp) does, after the
/// handshake. SIGPIPE must be ignored.
class tls_wire {
public:
    enum class wants { read, write, done };

    /// `socket` is connected, and outlives this.
    tls_wire(const tls_client& settings, int socket);

    /// Goes on with the handshake, and says what it waits for; wants::done: it has ended. Throws conversation_failed
    /// (phase::handshake) where it fails, and where the certificate is not what was wanted.
    wants shake_hands();

    /// What is there, decrypted. Nothing: not now. Empty: the end of input. Throws conversation_failed where
    /// that end is not the peer's own word (close_notify), unless we have ended our direction before, or where
    /// the bytes make no sense; std::system_error where the connection is lost.
    [[nodiscard]] std::optional<std::string_view> read_some(std::span<char> into);

    /// Takes what fits, and returns how much; 0: not now. The next call must be with the same bytes, or with
    /// those that follow. Throws as above.
    [[nodiscard]] std::size_t write_some(std::string_view bytes);

    /// Is there more to read that the socket does not know of?
    [[nodiscard]] bool has_more() const;

    /// Tells the peer that we send no more (close_notify). Some take that as the end of both directions.
    void shutdown_write();

    /// "TLSv1.3, TLS_AES_256_GCM_SHA384"
    [[nodiscard]] std::string to_string() const;

private:
    struct destroy {
        void operator()(ssl_st* one) const;
    };
    std::unique_ptr<ssl_st, destroy> ssl_;
    bool has_ended_ = false; // our direction
};

/// What is wrong with a handshake that was not done within `limit`.
failure late_to_shake_hands(std::chrono::milliseconds limit);

} // namespace parley
