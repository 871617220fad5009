// One run of one check: its server, its clients, its time line, and the four ways in which it can end.
#pragma once

#include "client/check/examined_server.hpp"
#include "client/check/probe.hpp"
#include "client/check/profile.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace parley {

enum class verdict { passed, failed, skipped, not_sure };

/// Ends a check. Thrown by the functions of an examination only.
struct check_ended : std::exception {
    check_ended(verdict outcome, std::string reason, std::string hint_id, bool by_time = false)
        : is{outcome}, text{std::move(reason)}, hint{std::move(hint_id)}, is_late{by_time} {}
    [[nodiscard]] const char* what() const noexcept override { return text.c_str(); }

    verdict is;
    std::string text; // what came instead, or why the check was skipped
    std::string hint; // id of a hint, if another one than that of the check; else empty
    bool is_late;     // a time limit has passed: on a busy machine the check deserves a second try
};

/// What was found out about the server before the checks.
struct server_capacity {
    static constexpr int clients_tried = 20;

    int clients = clients_tried;     // got a reply while all were connected
    double processes_per_client = 0; // that the server started for them
    double threads_per_client = 0;   // in its processes

    /// Says it in a sentence.
    [[nodiscard]] std::string to_string() const;
};

/// What the user says of the server, and how thoroughly it is examined.
struct server_promise {
    std::string model;                   // iterative, fork, prefork, thread, pool, event; empty: unknown
    std::optional<int> pool_size;        // clients that a pool serves at a time
    std::optional<address> running;      // of a server that runs already
    std::vector<std::string> command;    // to start it
    std::optional<std::string> injector; // path of the library that makes system calls fail
    std::uint64_t seed = 1;
    std::optional<int> idle_seconds; // after which a pool closes idle connections
    int effort = 4;                  // tries of statistical checks: 1 quick, 4 normal, 20 full
    server_capacity capacity;

    /// True if the server can serve several clients at the same time, as far as is known.
    [[nodiscard]] bool serves_many() const { return model != "iterative"; }
};

struct time_line_entry {
    std::chrono::milliseconds at; // since the check began
    std::string text;
};

class examination {
public:
    examination(const parley::profile& profile, const server_promise& promise)
        : profile_{profile}, promise_{promise} {}

    [[nodiscard]] const parley::profile& profile() const { return profile_; }
    [[nodiscard]] const server_promise& promise() const { return promise_; }

    /// Starts the server, or returns the one that runs. Ends the check if it does not start.
    examined_server& server();

    /// Starts the server in another way than by default. Only before server().
    examined_server& start(server_start start);

    /// Ends the server that runs, so that the next server() starts it again.
    void end_server() { server_.reset(); }

    /// Connects a client, which has received the greeting if the profile has one.
    probe connect();

    /// Connects without waiting for a greeting.
    probe connect_only(int receive_buffer = 0);

    /// Sends request `number` and receives its reply. Ends the check if the reply is wrong.
    void exchange(probe& client, std::size_t number = 0, std::size_t size = 64);

    /// Receives the reply to a request that was sent.
    void expect_reply(probe& client, std::string_view request);

    /// Says with a check that passes what it has tried, for example how sure it is.
    void remark(std::string text) { remark_ = std::move(text); }
    [[nodiscard]] const std::string& remark() const { return remark_; }

    /// Returns how many clients the server can serve at a time, at most `wanted`. Skips the check if that is
    /// one.
    std::size_t clients_at_once(std::size_t wanted);

    /// Adds an entry to the time line.
    void step(std::string text);

    /// Polls every 5 ms until `is_true()`. Returns false after `limit`. For facts of /proc, which has no
    /// events.
    template <class Predicate>
    bool eventually(Predicate is_true, std::chrono::milliseconds limit = reply_limit) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (!is_true()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            pause();
            end_if_late();
        }
        return true;
    }

    // The check ends. If the server has died, that is the failure, whatever `text` says.
    [[noreturn]] void fail(std::string text, std::string hint = {}) {
        end_failed(std::move(text), std::move(hint), false);
    }
    [[noreturn]] void fail_late(std::string text, std::string hint = {}) {
        end_failed(std::move(text), std::move(hint), true);
    }
    [[noreturn]] void skip(std::string why);
    [[noreturn]] void not_sure(std::string why);

    /// Fails unless the condition is true.
    void expect(bool condition, const std::string& text, const std::string& hint = {}) {
        if (!condition) fail(text, hint);
    }

    /// Says how a server that has died ended; empty if it runs.
    [[nodiscard]] std::string death();

    [[nodiscard]] const std::vector<time_line_entry>& time_line() const { return time_line_; }

    /// Returns the time after which a silent server fails a check. A server that still computes gets four times
    /// as much.
    [[nodiscard]] std::chrono::milliseconds limit() const { return reply_limit * time_factor_; }

    /// Limits the whole check, and multiplies all limits, for a second try.
    void set_limits(std::chrono::seconds whole, int factor) {
        time_factor_ = factor;
        deadline_ = begin_ + whole * factor;
    }

    /// Fails if the time limit of the check has passed. All waits call it.
    void end_if_late();

    static constexpr std::chrono::milliseconds reply_limit{3000};

private:
    static void pause();
    [[noreturn]] void end_failed(std::string text, std::string hint, bool is_late);

    const parley::profile& profile_;
    const server_promise& promise_;
    std::optional<examined_server> server_;
    std::vector<time_line_entry> time_line_;
    std::string remark_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
    int time_factor_ = 1;
};

} // namespace parley
