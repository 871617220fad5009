// TLS client over a non-blocking socket (OpenSSL; ssl(7)).
#pragma once

#include "client/conversation/failures.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct ssl_ctx_st; // types of OpenSSL, used by tls.cpp only
struct ssl_st;

namespace parley {

struct tls_options {
    std::string name;        // host or IP address that the certificate must have; also sent as SNI
    std::string authorities; // file of trusted certificates (PEM); empty: those of the system
    bool verifies = true;
};

/// TLS settings of all connections to one server. Each connection has a full handshake: sessions are not
/// resumed.
class tls_client {
public:
    /// Throws std::invalid_argument if the file cannot be read, or if there is no name to verify.
    explicit tls_client(const tls_options& options);

private:
    friend class tls_stream;
    struct destroy {
        void operator()(ssl_ctx_st* context) const;
    };
    std::unique_ptr<ssl_ctx_st, destroy> context_;
    std::string name_;
    bool verifies_;
};

/// TLS of one connection. After the handshake it reads and writes like a connection
/// (common/net/connection.hpp). SIGPIPE must be ignored.
class tls_stream {
public:
    enum class wants { read, write, done };

    /// `socket` is connected and must outlive this.
    tls_stream(const tls_client& settings, int socket);

    /// Advances the handshake and returns what it waits for; wants::done: it is complete. Throws
    /// conversation_failed (phase::handshake) if it fails, or if the certificate is not valid.
    wants shake_hands();

    /// Returns decrypted input; nullopt if there is none now; an empty view at the end of input. Throws
    /// conversation_failed for a protocol error, or for an end without close_notify (truncation) unless the
    /// write side was shut down before. Throws std::system_error if the connection failed.
    [[nodiscard]] std::optional<std::string_view> read_some(std::span<char> buffer);

    /// Writes as much as possible and returns the number of bytes; 0: not possible now. The next call must
    /// continue with the first unwritten byte. Throws like read_some().
    [[nodiscard]] std::size_t write_some(std::string_view bytes);

    /// True if OpenSSL has buffered input, which poll(2) on the socket does not report.
    [[nodiscard]] bool has_more() const;

    /// Sends close_notify. Some servers then close both directions.
    void shutdown_write();

    /// "TLSv1.3, TLS_AES_256_GCM_SHA384"
    [[nodiscard]] std::string to_string() const;

private:
    struct destroy {
        void operator()(ssl_st* ssl) const;
    };
    std::unique_ptr<ssl_st, destroy> ssl_;
    bool has_ended_ = false; // the write side
};

/// Returns the failure for a handshake that was not complete within `limit`.
failure late_to_shake_hands(std::chrono::milliseconds limit);

} // namespace parley
