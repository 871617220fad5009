// What can go wrong between a client and its server, told apart by where and why, and counted.
#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// How far a conversation had come.
enum class phase { resolve, connect, handshake, write, read, verify };

std::string_view to_string(phase where);

/// What happened, for a program (where, call, cause) and for a person (text, one line).
struct failure {
    phase where;
    std::string call;  // the system call, as in "recv"; empty where none failed
    std::string cause; // the errno's name, as in "ECONNRESET", or the kind of mistake, as in "wrong bytes"
    std::string text;
};

/// A conversation that cannot go on, thrown by those who check it.
class conversation_failed : public std::runtime_error {
public:
    explicit conversation_failed(failure why) : std::runtime_error{why.text}, why_{std::move(why)} {}
    [[nodiscard]] const failure& why() const { return why_; }

private:
    failure why_;
};

/// The failure that an exception tells of: one of ours, or a system call's as check() throws it.
failure failure_of(const std::exception& thrown);

/// "ECONNRESET" for ECONNRESET (errno(3)).
std::string name_of_errno(int number);

/// Counts failures by where, call and cause; of each kind it keeps the text of the first.
class failures {
public:
    struct kind {
        failure first;
        std::uint64_t count = 0;
    };

    void add(const failure& one, std::uint64_t times = 1);

    /// As above, for failures that may come a hundred thousand times a second: `text` is called for the first.
    template <class Text>
    void add(phase where, std::string_view cause, Text text) {
        kind* known = find(where, {}, cause);
        if (!known) known = &kinds_.emplace_back(kind{{where, {}, std::string{cause}, text()}, 0});
        ++known->count;
    }

    [[nodiscard]] std::span<const kind> kinds() const { return kinds_; }
    [[nodiscard]] std::uint64_t count() const;
    [[nodiscard]] std::uint64_t count(phase where) const;
    [[nodiscard]] std::uint64_t count(phase where, std::string_view cause) const;

private:
    kind* find(phase where, std::string_view call, std::string_view cause);

    std::vector<kind> kinds_;
};

} // namespace parley
