// Runs a load on one thread or several, and returns what was measured. Each thread is an engine (engine.hpp).
#pragma once

#include "client/conversation/protocols.hpp"
#include "client/load/engine/intervals.hpp"
#include "client/load/engine/load_result.hpp"
#include "client/load/engine/start_barrier.hpp"
#include "client/load/plan/load_options.hpp"

#include <chrono>
#include <functional>

namespace parley {

/// Called about ten times per second by the first load-generating thread, with that thread's results so far.
using load_watch = std::function<void(std::chrono::nanoseconds elapsed, const load_result& so_far)>;

/// Runs the load to its end. Returns early if `stop` (a descriptor; -1: none) becomes readable. Then no further
/// request is sent: replies in flight are awaited within the timeout, and connections that never had a reply
/// are closed. A connection that fails is counted, and opened again.
///
/// A duration begins when all connections have been made or have failed, at the latest after the timeout.
/// `complete`, if any, receives each interval of the counted time, from one of the load-generating threads.
/// `start`, if any, is shared with other threads: the load begins once all of them are ready.
///
/// Throws std::invalid_argument if options contradict each other, std::runtime_error if the process may not
/// have enough descriptors.
load_result generate_load(const load_options& options, int stop, const load_watch& watch,
                          const intervals::take& complete = {}, start_barrier* start = nullptr);

} // namespace parley
