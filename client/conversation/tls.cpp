// OpenSSL has an error queue per thread. It is cleared before each call whose error is read.
#include "client/conversation/tls.hpp"

#include "common/check.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <climits>
#include <cstring>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdexcept>

namespace parley {

namespace {

/// Returns the reason of the last error in the queue.
std::string openssl_reason() {
    const auto code = ERR_peek_last_error();
    const char* const reason = ERR_reason_error_string(code);
    if (reason) return reason;
    return ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : "unknown reason";
}

void require_success(bool is_done, std::string_view call) {
    if (!is_done) throw std::runtime_error(fmt::format("{}: {}", call, openssl_reason()));
}

bool is_ip_address(const std::string& name) {
    std::array<unsigned char, sizeof(in6_addr)> bytes;
    return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
           inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

int as_int(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

failure handshake_failed(std::string cause, std::string_view text) {
    return {phase::handshake, "SSL_connect", std::move(cause), fmt::format("TLS handshake: {}", text)};
}

/// True if the connection ended without close_notify.
bool is_cut_off(int error) {
    return (error == SSL_ERROR_SSL &&
            ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) ||
           (error == SSL_ERROR_SYSCALL && errno == 0);
}

} // namespace

void tls_client::destroy::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

tls_client::tls_client(const tls_options& options)
    : context_{SSL_CTX_new(TLS_client_method())}, name_{options.name}, verifies_{options.verifies} {
    require_success(context_ != nullptr, "SSL_CTX_new");
    // A trailing dot (DNS root) is not part of the name in certificates and SNI (RFC 6066, 3).
    if (name_.ends_with('.')) name_.pop_back();
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                         SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
    if (!verifies_) return;
    if (name_.empty()) throw std::invalid_argument("--tls needs the name of the certificate: give --tls-name");
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    const auto& file = options.authorities;
    if (file.empty())
        require_success(SSL_CTX_set_default_verify_paths(context_.get()) == 1,
                        "SSL_CTX_set_default_verify_paths");
    else if (SSL_CTX_load_verify_locations(context_.get(), file.c_str(), nullptr) != 1)
        throw std::invalid_argument(
            fmt::format("--tls-ca {}: {}; it must hold certificates (PEM)", file, openssl_reason()));
}

void tls_stream::destroy::operator()(ssl_st* ssl) const { SSL_free(ssl); }

tls_stream::tls_stream(const tls_client& settings, int socket) : ssl_{SSL_new(settings.context_.get())} {
    require_success(ssl_ && SSL_set_fd(ssl_.get(), socket) == 1, "SSL_new");
    SSL_set_connect_state(ssl_.get());
    const auto& name = settings.name_;
    if (name.empty()) return;
    const bool is_address = is_ip_address(name);
    if (!is_address) // the macro SSL_set_tlsext_host_name without its C cast
        require_success(SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                 const_cast<char*>(name.c_str())) == 1,
                        "SSL_set_tlsext_host_name");
    if (!settings.verifies_) return;
    require_success(is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str()) == 1
                               : SSL_set1_host(ssl_.get(), name.c_str()) == 1,
                    "SSL_set1_host");
}

tls_stream::wants tls_stream::shake_hands() {
    const auto fail = [](std::string cause, std::string_view text) {
        throw conversation_failed{handshake_failed(std::move(cause), text)};
    };
    ERR_clear_error();
    errno = 0;
    const int outcome = SSL_connect(ssl_.get());
    if (outcome == 1) return wants::done;
    const int error = SSL_get_error(ssl_.get(), outcome);
    if (error == SSL_ERROR_WANT_READ) return wants::read;
    if (error == SSL_ERROR_WANT_WRITE) return wants::write;
    if (is_cut_off(error)) fail("end of input", "the server closed the connection");
    if (error == SSL_ERROR_SYSCALL) fail(name_of_errno(errno), std::strerror(errno));
    if (const auto verdict = SSL_get_verify_result(ssl_.get()); verdict != X509_V_OK)
        fail("certificate",
             fmt::format("the server's certificate: {}", X509_verify_cert_error_string(verdict)));
    fail(openssl_reason(), openssl_reason());
    return wants::done;
}

std::optional<std::string_view> tls_stream::read_some(std::span<char> buffer) {
    ERR_clear_error();
    errno = 0;
    const int count = SSL_read(ssl_.get(), buffer.data(), as_int(buffer.size()));
    if (count > 0) return std::string_view{buffer.data(), static_cast<std::size_t>(count)};
    const int error = SSL_get_error(ssl_.get(), count);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return std::nullopt;
    if (error == SSL_ERROR_ZERO_RETURN || (has_ended_ && is_cut_off(error))) return std::string_view{};
    if (is_cut_off(error))
        throw conversation_failed{
            {phase::read, "SSL_read", "truncated", "the connection ended without close_notify"}};
    if (error == SSL_ERROR_SYSCALL) throw_errno("recv");
    throw conversation_failed{{phase::read, "SSL_read", openssl_reason(), "TLS: " + openssl_reason()}};
}

std::size_t tls_stream::write_some(std::string_view bytes) {
    ERR_clear_error();
    errno = 0;
    const int count = SSL_write(ssl_.get(), bytes.data(), as_int(bytes.size()));
    if (count > 0) return static_cast<std::size_t>(count);
    const int error = SSL_get_error(ssl_.get(), count);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    if (error == SSL_ERROR_SYSCALL && errno != 0) throw_errno("send");
    throw conversation_failed{{phase::write, "SSL_write", openssl_reason(), "TLS: " + openssl_reason()}};
}

bool tls_stream::has_more() const { return SSL_pending(ssl_.get()) > 0; }

void tls_stream::shutdown_write() {
    has_ended_ = true;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
}

std::string tls_stream::to_string() const {
    return fmt::format("{}, {}", SSL_get_version(ssl_.get()), SSL_get_cipher_name(ssl_.get()));
}

failure late_to_shake_hands(std::chrono::milliseconds limit) {
    return handshake_failed("ETIMEDOUT", fmt::format("not done within {} ms", limit.count()));
}

} // namespace parley
