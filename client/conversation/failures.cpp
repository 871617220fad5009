// There are few kinds of failures, so a list is enough. Its order is that of the first occurrences.
#include "client/conversation/failures.hpp"

#include <algorithm>
#include <cstring>
#include <system_error>

namespace parley {

std::string_view to_string(phase where) {
    switch (where) {
    case phase::resolve: return "resolve";
    case phase::connect: return "connect";
    case phase::handshake: return "handshake";
    case phase::write: return "write";
    case phase::read: return "read";
    case phase::verify: return "verify";
    }
    return "?";
}

std::string name_of_errno(int number) {
    const char* name = strerrorname_np(number);
    return name ? name : "errno " + std::to_string(number);
}

failure failure_of(const std::exception& error) {
    if (const auto* failed = dynamic_cast<const conversation_failed*>(&error)) return failed->why();
    const std::string text = error.what();
    const auto* system = dynamic_cast<const std::system_error*>(&error);
    if (!system) return {phase::resolve, {}, "not resolved", text};
    const auto call = text.substr(0, text.find_first_of(" :"));
    const auto where = call == "send" ? phase::write : call == "recv" ? phase::read : phase::connect;
    return {where, call, name_of_errno(system->code().value()), text};
}

failures::kind* failures::find(phase where, std::string_view call, std::string_view cause) {
    const auto is_same = [&](const kind& known) {
        return known.first.where == where && known.first.call == call && known.first.cause == cause;
    };
    const auto found = std::find_if(kinds_.begin(), kinds_.end(), is_same);
    return found == kinds_.end() ? nullptr : &*found;
}

void failures::add(const failure& failure, std::uint64_t times) {
    kind* known = find(failure.where, failure.call, failure.cause);
    if (!known) known = &kinds_.emplace_back(kind{failure, 0});
    known->count += times;
}

std::uint64_t failures::count() const {
    std::uint64_t sum = 0;
    for (const auto& entry : kinds_) sum += entry.count;
    return sum;
}

std::uint64_t failures::count(phase where) const {
    std::uint64_t sum = 0;
    for (const auto& entry : kinds_) sum += entry.first.where == where ? entry.count : 0;
    return sum;
}

std::uint64_t failures::count(phase where, std::string_view cause) const {
    std::uint64_t sum = 0;
    for (const auto& entry : kinds_)
        if (entry.first.where == where && entry.first.cause == cause) sum += entry.count;
    return sum;
}

} // namespace parley
