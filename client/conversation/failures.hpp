// Failures between a client and its server: classified by phase, system call and cause, and counted.
#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace parley {

/// The phase of a conversation.
enum class phase { resolve, connect, handshake, write, read, verify };

std::string_view to_string(phase where);

/// One failure. Programs use where, call and cause; the text is one line for users.
struct failure {
    phase where;
    std::string call;  // the failed system call, for example "recv"; empty: none
    std::string cause; // name of the errno, "ECONNRESET", or the kind of error, "wrong bytes"
    std::string text;
};

/// Thrown if a conversation cannot continue.
class conversation_failed : public std::runtime_error {
public:
    explicit conversation_failed(failure why) : std::runtime_error{why.text}, why_{std::move(why)} {}
    [[nodiscard]] const failure& why() const { return why_; }

private:
    failure why_;
};

/// Returns the failure of an exception: of conversation_failed, or of a system call as thrown by check().
failure failure_of(const std::exception& error);

/// Returns the name of an error number, "ECONNRESET" (errno(3)).
std::string name_of_errno(int number);

/// Counts failures by phase, call and cause. Keeps the text of the first failure of each kind.
class failures {
public:
    struct kind {
        failure first;
        std::uint64_t count = 0;
    };

    void add(const failure& failure, std::uint64_t times = 1);

    /// Like add() above, for failures that may occur 100,000 times per second: calls `text` for the first one
    /// only.
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
