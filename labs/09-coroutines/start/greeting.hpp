// The session of this lab: a coroutine that does no I/O. A driver performs its steps; there are two,
// sessions.cpp and loop.cpp.
#pragma once

#include "common/session/session.hpp"

/// Greets a client: "Welcome!", then for each line a reply.
///
///   exit        ends the session, as the end of input does
///   wait MS     pauses for MS milliseconds, then replies "waited MS ms". Throws std::invalid_argument if MS is
///               no number: the session cannot go on
///   NAME        "Hello, NAME!", or "Hello again, NAME!" if the name before was the same
parley::session greet();
