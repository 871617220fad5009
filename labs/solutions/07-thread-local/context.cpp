// The context of a request, in a map with a key for each thread, or in a thread_local variable. The map needs a
// lock for each access, and what is no longer needed must be removed; the variable needs neither.
#include "context.hpp"

#include <map>
#include <mutex>
#include <thread>

namespace {

struct request_context {
    int worker = 0;
    int request = 0;
    std::string title;
    std::string name;
};

context_way chosen_way = context_way::map; // written before there are threads

std::mutex contexts_mutex;
std::map<std::thread::id, request_context> contexts; // guarded by contexts_mutex

thread_local request_context local_context; // each thread has its own, so there is no lock

/// Returns the context of the calling thread. The reference stays valid without the lock: the elements of a map
/// do not move, and only this thread uses this element.
request_context& this_context() {
    if (chosen_way == context_way::local) return local_context;
    const std::lock_guard lock{contexts_mutex};
    return contexts[std::this_thread::get_id()];
}

// None of these three has a parameter: that is the point of a context.
std::string origin() {
    const auto& context = this_context();
    return "request " + std::to_string(context.request) + ", worker " + std::to_string(context.worker);
}

std::string salutation() {
    const auto& context = this_context();
    return context.title.empty() ? context.name : context.title + " " + context.name;
}

} // namespace

void use_way(context_way way) { chosen_way = way; }

void begin_client(int worker) {
    this_context() = {}; // or the title of the client before would greet this one
    this_context().worker = worker;
}

void end_client() {
    if (chosen_way == context_way::local) {
        local_context = {};
        return;
    }
    // A thread that has ended is never seen again, and a new one may have its id.
    const std::lock_guard lock{contexts_mutex};
    contexts.erase(std::this_thread::get_id());
}

void begin_request(const std::string& name) {
    auto& context = this_context();
    ++context.request;
    context.name = name;
}

void set_title(const std::string& title) { this_context().title = title; }

std::string greeting() { return "Hello, " + salutation() + " (" + origin() + ")"; }

std::size_t context_count() {
    const std::lock_guard lock{contexts_mutex};
    return contexts.size();
}
