// Socket addresses, as text and as bind(2) and connect(2) take them. The text forms are 127.0.0.1:9999,
// [::1]:9999, [fe80::1%eth0]:9999, HOST:PORT, unix:PATH, unix:@NAME for a name in the abstract namespace
// (unix(7)), and udp:ADDRESS for datagrams. All programs read and print addresses by this file alone.
#pragma once

#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace parley {

/// Host and port of "HOST:PORT" or "[V6]:PORT", before name resolution.
struct endpoint {
    std::string host;
    in_port_t port = 0;
};

/// Splits "HOST:PORT". The port is a decimal number from 0 to 65535. Throws std::invalid_argument that quotes
/// the text and says what is wrong with it.
endpoint parse_endpoint(std::string_view text);

class address {
public:
    address() = default;
    address(const sockaddr* data, socklen_t size, int type = SOCK_STREAM);

    /// Returns all addresses of a text without duplicates, in the order of getaddrinfo(3). A numeric host needs
    /// no resolver. In an abstract name, \xHH stands for any byte, and \\ for a backslash. Throws
    /// std::invalid_argument for bad syntax, std::runtime_error if the host is unknown.
    static std::vector<address> resolve(std::string_view text);

    /// Returns the address that a socket is bound to (getsockname(2)). Throws std::system_error.
    static address of_socket(int socket);

    /// Returns the address of the peer of a connected socket (getpeername(2)), or a default address if the peer
    /// has already disconnected.
    static address of_peer(int socket);

    [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    [[nodiscard]] socklen_t size() const { return size_; }
    [[nodiscard]] int family() const { return storage_.ss_family; }
    [[nodiscard]] int type() const { return type_; } // SOCK_STREAM or SOCK_DGRAM

    /// Returns the file of a UNIX socket. Empty for other families, for an abstract name, and for the unnamed
    /// end of a connection.
    [[nodiscard]] std::string path() const;

    /// Returns the port in host byte order; 0 for a UNIX socket.
    [[nodiscard]] in_port_t port() const;

    /// Returns a copy with another port. Only for IPv4 and IPv6 addresses.
    [[nodiscard]] address with_port(in_port_t port) const;

    /// True if only this machine can reach the address: a loopback address or a UNIX socket.
    [[nodiscard]] bool is_local() const;

    /// Returns the text form that resolve() reads, with control characters escaped as \xHH so that a terminal
    /// does not obey them. resolve() undoes the escapes of an abstract name, but not those of a path.
    [[nodiscard]] std::string to_string() const;

private:
    [[nodiscard]] std::string unix_name() const;

    sockaddr_storage storage_{}; // a sockaddr_in, sockaddr_in6 or sockaddr_un, by family() (sockaddr(3type))
    socklen_t size_ = 0;
    int type_ = SOCK_STREAM;
};

} // namespace parley
