// Client side of each service: sessions that send requests and verify every byte of the responses.
// parley-client, parley-load and the tests use the same sessions. One table lists them. To add a service, begin
// here.
#pragma once

#include "client/conversation/request_cycle.hpp"
#include "common/session/session.hpp"

#include <span>
#include <string_view>

namespace parley {

/// A row of the table.
struct protocol {
    std::string_view service;
    std::string_view summary;
    void (*prepare)(request_plan& plan);     // resolves the options; throws std::invalid_argument
    session (*open)(request_cycle& session); // opens a session, which `session` must outlive
    bool sends;                              // false: the client only reads
};

std::span<const protocol> protocols();

/// Returns the protocol of a service. Throws std::invalid_argument with the known names if there is none.
const protocol& protocol_for(std::string_view service);

/// Resolves the options for one service. Throws std::invalid_argument if they do not fit the service.
request_plan plan_requests(const protocol& protocol, const request_options& options);

} // namespace parley
