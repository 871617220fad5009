// Puts load on a server, from one thread or several, and says what became of it.
#pragma once

#include "client/conversation/protocols.hpp"
#include "client/load/engine/intervals.hpp"
#include "client/load/engine/load_result.hpp"
#include "client/load/engine/start_barrier.hpp"
#include "client/load/plan/load_options.hpp"

#include <chrono>
#include <functional>

namespace parley {

/// Called about ten times a second while the load runs, by the thread that generates it: what that thread's
/// part of it has come to.
using load_watch = std::function<void(std::chrono::nanoseconds elapsed, const load_result& so_far)>;

/// Runs the load to its end. A readable `stop` (a descriptor; -1: none) ends it early. Then no more is asked:
/// replies in flight are awaited within their time-out, and connections that never had one are dropped.
/// What goes wrong with a connection is counted, and it is made again. A time is counted from when all
/// connections have been made or have failed, and at the latest after the time-out.
/// Throws std::invalid_argument for options that contradict each other, std::runtime_error where the process
/// may not have as many descriptors.
/// `each` gets each interval of the counted time when it is over, from one of the threads that generate the
/// load. `start`, where one is given, is for the threads and somebody else: for all must be ready.
load_result generate_load(const load_options& options, int stop, const load_watch& watch,
                          const intervals::take& each = {}, start_barrier* start = nullptr);

} // namespace parley
