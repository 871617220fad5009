// A UDP datagram with its source and destination address, as recvmsg(2) and sendmsg(2) take it.
#pragma once

#include <array>
#include <cstring>
#include <netinet/in.h>
#include <span>
#include <string_view>
#include <sys/socket.h>

namespace parley {

struct datagram_message {
    sockaddr_storage from{};
    iovec content{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    msghdr header{};

    explicit datagram_message(std::span<char> buffer) : content{buffer.data(), buffer.size()} {
        header.msg_name = &from;
        header.msg_namelen = sizeof from;
        header.msg_iov = &content;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
    }
    datagram_message(datagram_message&&) = delete;

    [[nodiscard]] int source_port() const {
        if (from.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(from).sin_port);
        return ntohs(reinterpret_cast<const sockaddr_in6&>(from).sin6_port);
    }

    /// Turns it into the reply: to its source, and from the address to which it was sent. A socket that is
    /// bound to all addresses would choose a source address by the route, and the client would not recognise
    /// the reply (ip(7), ipv6(7)).
    void become_reply(std::string_view text) {
        content = {const_cast<char*>(text.data()), text.size()};
        if (header.msg_controllen == 0) return;
        auto* const info = CMSG_FIRSTHDR(&header);
        if (info && info->cmsg_level == IPPROTO_IP && info->cmsg_type == IP_PKTINFO) {
            in_pktinfo destination;
            std::memcpy(&destination, CMSG_DATA(info), sizeof destination);
            destination.ipi_ifindex = 0; // the route chooses the interface
            std::memcpy(CMSG_DATA(info), &destination, sizeof destination);
            return;
        }
        in6_pktinfo destination;
        if (info && info->cmsg_level == IPPROTO_IPV6 && info->cmsg_type == IPV6_PKTINFO) {
            std::memcpy(&destination, CMSG_DATA(info), sizeof destination);
            if (!IN6_IS_ADDR_MULTICAST(&destination.ipi6_addr))
                return; // with its interface, which a link-local address needs
        }
        header.msg_controllen = 0;
    }
};

} // namespace parley
