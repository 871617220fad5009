// What a controller and its agents say to each other, as JSON: what is to be loaded, and what became of it.
#pragma once

#include "client/load/engine/intervals.hpp"
#include "client/load/engine/load_result.hpp"
#include "client/load/plan/load_options.hpp"

#include <nlohmann/json_fwd.hpp>

namespace parley {

/// The version of what follows; who speaks another one is refused.
constexpr const char* agent_messages_form = "parley-load-agent/2";

nlohmann::json message_of(const load_options& options);
nlohmann::json message_of(const load_result& result);
nlohmann::json message_of(const interval& one);

/// Throw std::invalid_argument or nlohmann::json::exception for what is no such message.
load_options options_in(const nlohmann::json& message);
load_result result_in(const nlohmann::json& message);
interval interval_in(const nlohmann::json& message);

} // namespace parley
