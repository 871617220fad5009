#include "client/load/agents/psk_channel.hpp"

#include "client/conversation/bounded_json.hpp"
#include "client/conversation/framing.hpp"
#include "client/conversation/poll_until.hpp"
#include "common/check.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <netinet/tcp.h>
#include <nlohmann/json.hpp>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>

namespace parley {

using namespace std::chrono_literals;

namespace {

// The size of a message. Protects the memory of the receiver from a wrong length.
constexpr std::size_t most_bytes = 128 << 20;
constexpr const char* identity = "parley-load"; // TLS wants a name of the key; there is only one key
constexpr auto send_limit = 10s;
constexpr const char* not_authenticated = "the peer does not know the secret, or does not use TLS";

/// Derives the key of 32 bytes for TLS_AES_128_GCM_SHA256 from a secret of any length.
std::string key_of(const std::string& secret) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    const auto text = "parley-load agent\n" + secret;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("EVP_Digest failed");
    return {reinterpret_cast<const char*>(digest.data()), size};
}

unsigned int give_key(const SSL* tls, unsigned char* into, unsigned int size) {
    const auto& key = *static_cast<const std::string*>(SSL_get_app_data(tls));
    if (key.size() > size) return 0;
    std::memcpy(into, key.data(), key.size());
    return static_cast<unsigned int>(key.size());
}

unsigned int key_of_controller(SSL* tls, const char*, char* name, unsigned int name_size, unsigned char* into,
                               unsigned int room) {
    if (std::strlen(identity) >= name_size) return 0;
    std::strcpy(name, identity);
    return give_key(tls, into, room);
}

unsigned int key_of_agent(SSL* tls, const char*, unsigned char* into, unsigned int room) {
    return give_key(tls, into, room);
}

/// Lets the kernel detect a dead peer within ten seconds, even if no data is sent (tcp(7)). Fails silently for
/// a socket that is not TCP, which does not need it.
void enable_keepalive(int socket) {
    const auto set = [&](int level, int option, int value) {
        setsockopt(socket, level, option, &value, sizeof value);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 5);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set(IPPROTO_TCP, TCP_KEEPCNT, 5);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 10'000);
}

} // namespace

std::string read_secret(const std::string& file) {
    struct stat status {};
    std::ifstream text{file};
    std::string secret;
    if (stat(file.c_str(), &status) != 0 || !std::getline(text, secret))
        throw std::invalid_argument(fmt::format("--secret-file {}: cannot be read, or is empty", file));
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        throw std::invalid_argument(
            fmt::format("--secret-file {}: other users may read it: chmod 600 {}", file, file));
    if (secret.size() < 16)
        throw std::invalid_argument(fmt::format(
            "--secret-file {}: its first line has less than 16 characters: openssl rand -hex 32 >{}", file,
            file));
    return secret;
}

void psk_channel::destroy::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void psk_channel::destroy::operator()(ssl_st* tls) const { SSL_free(tls); }

psk_channel::psk_channel(connection connection, side own_side, const std::string& secret,
                         std::chrono::milliseconds limit)
    : connection_{std::move(connection)}, context_{SSL_CTX_new(TLS_method())} {
    const int flags = check("fcntl", [&] { return fcntl(descriptor(), F_GETFL); });
    check("fcntl", [&] { return fcntl(descriptor(), F_SETFL, flags | O_NONBLOCK); });
    enable_keepalive(descriptor());
    if (!context_ || SSL_CTX_set_min_proto_version(context_.get(), TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context_.get(), "TLS_AES_128_GCM_SHA256") != 1)
        throw std::runtime_error("OpenSSL does not support TLS 1.3");
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_num_tickets(context_.get(), 0); // no tickets: each handshake must prove the secret again
    // The shared key authenticates the peer. A peer that offers a certificate instead does not have the key. No
    // certificate is trusted here, because otherwise an agent without the secret would receive orders.
    if (own_side == side::controller) SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_psk_client_callback(context_.get(), key_of_controller);
    SSL_CTX_set_psk_server_callback(context_.get(), key_of_agent);
    tls_.reset(SSL_new(context_.get()));
    if (!tls_ || SSL_set_fd(tls_.get(), descriptor()) != 1)
        throw std::runtime_error("out of memory in OpenSSL");
    auto key = key_of(secret);
    SSL_set_app_data(tls_.get(), &key);
    const auto handshake = own_side == side::agent ? SSL_accept : SSL_connect;
    if (!retry([&] { return handshake(tls_.get()); }, clock::now() + limit))
        throw std::runtime_error(fmt::format(
            "no handshake within {} ms: the agent may be busy with another controller", limit.count()));
    if (SSL_session_reused(tls_.get()) != 1)
        throw std::runtime_error(not_authenticated); // in case OpenSSL accepts other key exchanges by default
    SSL_set_app_data(tls_.get(), nullptr); // the key goes out of scope, and no further handshake needs it
}

/// Repeats an OpenSSL call until it succeeds. Returns false if it does not by the deadline. Throws
/// std::runtime_error if the peer has disconnected or does not know the secret.
template <class Call>
bool psk_channel::retry(Call call, clock::time_point deadline) {
    for (;;) {
        ERR_clear_error();
        errno = 0;
        const int result = call();
        if (result > 0) return true;
        const int error = errno;
        pollfd watched{descriptor(), 0, 0};
        switch (SSL_get_error(tls_.get(), result)) {
        case SSL_ERROR_WANT_READ: watched.events = POLLIN; break;
        case SSL_ERROR_WANT_WRITE: watched.events = POLLOUT; break;
        case SSL_ERROR_ZERO_RETURN: throw std::runtime_error("connection closed by the peer");
        case SSL_ERROR_SSL:
            if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
                throw std::runtime_error("connection lost");
            throw std::runtime_error(not_authenticated);
        default: // a failed system call; 0: end of input without close_notify
            throw std::runtime_error(
                error == 0 || error == ECONNRESET || error == EPIPE ? "connection lost" : std::strerror(error));
        }
        if (!poll_until(deadline, {&watched, 1})) return false;
    }
}

void psk_channel::send(const nlohmann::json& message) {
    const auto head_size = prefix_size(framing::u32);
    std::string bytes(head_size, '\0');
    nlohmann::json::to_cbor(message, bytes);
    const auto size = bytes.size() - head_size;
    if (size > most_bytes) throw std::runtime_error("cannot send a message of more than 128 MiB");
    bytes.replace(0, head_size, prefix_for(size, framing::u32));
    const auto deadline = clock::now() + send_limit;
    for (std::size_t sent = 0; sent != bytes.size();) {
        std::size_t part = 0;
        if (!retry([&] { return SSL_write_ex(tls_.get(), bytes.data() + sent, bytes.size() - sent, &part); },
                   deadline))
            throw std::runtime_error("the peer does not receive: no message was taken for 10 s");
        sent += part;
    }
}

std::optional<nlohmann::json> psk_channel::receive(std::chrono::milliseconds time_limit) {
    const auto deadline = clock::now() + time_limit;
    for (std::string part(1 << 16, '\0');;) {
        if (auto message = first_message()) return message;
        std::size_t size = 0;
        if (!retry([&] { return SSL_read_ex(tls_.get(), part.data(), part.size(), &size); }, deadline))
            return std::nullopt;
        received_.append(part, 0, size);
    }
}

std::optional<nlohmann::json> psk_channel::first_message() {
    const auto head_size = prefix_size(framing::u32);
    if (received_.size() < head_size) return std::nullopt;
    const auto size = announced_size(std::string_view{received_}.substr(0, head_size));
    if (size > most_bytes) throw std::runtime_error("the peer announced a message of more than 128 MiB");
    if (received_.size() < head_size + size) return std::nullopt;
    try {
        auto message = parse_cbor(std::string_view{received_}.substr(head_size, size));
        received_.erase(0, head_size + size);
        return message;
    } catch (const nlohmann::json::exception&) {
        throw std::runtime_error("the peer sent an invalid message");
    }
}

} // namespace parley
