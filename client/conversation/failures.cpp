// There are few kinds of failures, so they stand in a list, in the order of their first.
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

failure failure_of(const std::exception& thrown) {
    if (const auto* ours = dynamic_cast<const conversation_failed*>(&thrown)) return ours->why();
    const std::string text = thrown.what();
    const auto* system = dynamic_cast<const std::system_error*>(&thrown);
    if (!system) return {phase::resolve, {}, "not resolved", text};
    const auto call = text.substr(0, text.find_first_of(" :"));
    const auto where = call == "send" ? phase::write : call == "recv" ? phase::read : phase::connect;
    return {where, call, name_of_errno(system->code().value()), text};
}

failures::kind* failures::find(phase where, std::string_view call, std::string_view cause) {
    const auto same = [&](const kind& known) {
        return known.first.where == where && known.first.call == call && known.first.cause == cause;
    };
    const auto found = std::find_if(kinds_.begin(), kinds_.end(), same);
    return found == kinds_.end() ? nullptr : &*found;
}

void failures::add(const failure& one, std::uint64_t times) {
    kind* known = find(one.where, one.call, one.cause);
    if (!known) known = &kinds_.emplace_back(kind{one, 0});
    known->count += times;
}

std::uint64_t failures::count() const {
    std::uint64_t all = 0;
    for (const auto& each : kinds_) all += each.count;
    return all;
}

std::uint64_t failures::count(phase where) const {
    std::uint64_t all = 0;
    for (const auto& each : kinds_) all += each.first.where == where ? each.count : 0;
    return all;
}

std::uint64_t failures::count(phase where, std::string_view cause) const {
    std::uint64_t all = 0;
    for (const auto& each : kinds_)
        if (each.first.where == where && each.first.cause == cause) all += each.count;
    return all;
}

} // namespace parley
