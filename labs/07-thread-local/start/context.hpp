// The context of a request: which worker serves which client, and what the client has said. Functions deep
// below use it without a parameter. There are two ways to keep it: in a map with a key for each thread, and in
// a thread_local variable.
#pragma once

#include <cstddef>
#include <string>

enum class context_way { map, local };

/// Chooses the way. Called once, before there are threads.
void use_way(context_way way);

/// The calling thread begins with a client: a new context, without a title, and with no request so far.
void begin_client(int worker);

/// The calling thread is done with its client: its context is no longer needed.
void end_client();

/// The client has sent a name: the next request of this client, counted from 1.
void begin_request(const std::string& name);

/// The client wants to be greeted with a title from now on.
void set_title(const std::string& title);

/// Returns "Hello, TITLE NAME (request R, worker W)" of the current request; without a title "Hello, NAME
/// (...)".
std::string greeting();

/// Returns the number of contexts in the map: at most one for each thread that serves a client. For
/// context_way::local, which has no map, returns 0.
std::size_t context_count();
