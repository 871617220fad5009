// Where a socket listens or connects, as people write it and as bind(2) and connect(2) want it:
// 127.0.0.1:9999, [::1]:9999, [fe80::1%eth0]:9999, host:port, unix:PATH, unix:@NAME for a name in the abstract
// namespace (unix(7)), and udp:ADDRESS for datagrams.
#pragma once

#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace parley {

/// The two halves of "host:port" or "[v6]:port", not yet looked up.
struct endpoint {
    std::string host;
    in_port_t port = 0;
};

/// Throws std::invalid_argument that names the text and says what is wrong with it. The port is a plain
/// decimal number from 0 to 65535.
endpoint parse_endpoint(std::string_view text);

class address {
public:
    address() = default;
    address(const sockaddr* data, socklen_t size, int type = SOCK_STREAM);

    /// All addresses of a text, best first, each once (getaddrinfo(3); a numeric host asks no resolver). In an
    /// abstract name, \xHH stands for any byte, and \\ for a backslash.
    /// Throws std::invalid_argument for bad syntax, std::runtime_error where the host is not known.
    static std::vector<address> resolve(std::string_view text);

    /// The address that a socket is bound to (getsockname(2)).
    static address of_socket(int socket);

    /// The address at the other end of a connected socket (getpeername(2)); an unknown one where it has gone.
    static address of_peer(int socket);

    [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    [[nodiscard]] socklen_t size() const { return size_; }
    [[nodiscard]] int family() const { return storage_.ss_family; }
    [[nodiscard]] int type() const { return type_; } // SOCK_STREAM or SOCK_DGRAM

    /// The file of a UNIX socket; empty for any other address, for an abstract name, and for the unnamed end of
    /// a connection.
    [[nodiscard]] std::string path() const;

    /// 0 for a UNIX socket.
    [[nodiscard]] in_port_t port() const;

    /// The same with another port. Only for an internet address.
    [[nodiscard]] address with_port(in_port_t port) const;

    /// Can only this machine reach it?
    [[nodiscard]] bool is_local() const;

    /// What resolve() takes, without a byte that a terminal would obey: in an abstract name as \xHH; in the
    /// path of a file, where resolve() does not take that, too.
    [[nodiscard]] std::string to_string() const;

private:
    [[nodiscard]] std::string unix_name() const;

    sockaddr_storage storage_{}; // of one of the kinds that family() tells apart (sockaddr(3type))
    socklen_t size_ = 0;
    int type_ = SOCK_STREAM;
};

} // namespace parley
