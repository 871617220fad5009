// A datagram as recvmsg(2) and sendmsg(2) take it: with where it came from, and which address was asked.
#pragma once

#include <array>
#include <cstring>
#include <netinet/in.h>
#include <span>
#include <string_view>
#include <sys/socket.h>

namespace parley {

/// A datagram, and where it came from and went to (recvmsg(2)).
struct datagram_message {
    sockaddr_storage from{};
    iovec content{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    msghdr header{};

    explicit datagram_message(std::span<char> room) : content{room.data(), room.size()} {
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

    /// Makes it the answer: to where it came from, and from the address that was asked, which a socket that
    /// listens at all addresses does not do by itself (ip(7), ipv6(7)).
    void become_answer(std::string_view text) {
        content = {const_cast<char*>(text.data()), text.size()};
        if (header.msg_controllen == 0) return;
        auto* const info = CMSG_FIRSTHDR(&header);
        if (info && info->cmsg_level == IPPROTO_IP && info->cmsg_type == IP_PKTINFO) {
            in_pktinfo asked;
            std::memcpy(&asked, CMSG_DATA(info), sizeof asked);
            asked.ipi_ifindex = 0; // the route decides
            std::memcpy(CMSG_DATA(info), &asked, sizeof asked);
            return;
        }
        in6_pktinfo asked;
        if (info && info->cmsg_level == IPPROTO_IPV6 && info->cmsg_type == IPV6_PKTINFO) {
            std::memcpy(&asked, CMSG_DATA(info), sizeof asked);
            if (!IN6_IS_ADDR_MULTICAST(&asked.ipi6_addr))
                return; // the interface matters to a link-local address
        }
        header.msg_controllen = 0;
    }
};

} // namespace parley
