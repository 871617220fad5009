// Messages between a controller and its agents, as JSON: the options of a load, its intervals, and its result.
#pragma once

#include "client/load/engine/intervals.hpp"
#include "client/load/engine/load_result.hpp"
#include "client/load/plan/load_options.hpp"

#include <nlohmann/json_fwd.hpp>

namespace parley {

/// The version of the protocol. A peer with another version is refused. Change it if a member changes.
constexpr const char* agent_messages_form = "parley-load-agent/2";

nlohmann::json message_of(const load_options& options);
nlohmann::json message_of(const load_result& result);
nlohmann::json message_of(const interval& interval);

/// Throw std::invalid_argument or nlohmann::json::exception if the message is not valid.
load_options options_in(const nlohmann::json& message);
load_result result_in(const nlohmann::json& message);
interval interval_in(const nlohmann::json& message);

} // namespace parley
