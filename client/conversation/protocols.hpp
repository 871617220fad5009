// The client's side of each service: sessions that ask, and check every byte of what is answered. The same
// ones serve parley-client, parley-load and the tests. One table names them all.
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
    void (*prepare)(request_plan& plan);     // works the options out; throws std::invalid_argument
    session (*open)(request_cycle& session); // has one conversation; `talk` must outlive it
    bool sends;                              // or does the client only listen?
};

std::span<const protocol> protocols();

/// The conversation with a service of that name. Throws std::invalid_argument, which lists those known.
const protocol& protocol_for(std::string_view service);

/// Throws std::invalid_argument for options that the service cannot be asked with.
request_plan plan_requests(const protocol& with, const request_options& options);

} // namespace parley
