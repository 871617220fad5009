// What the workers of a server do, in memory that they share: a slot per worker, which only its owner writes.
// So nobody locks, a killed worker leaves its last word, and anybody may read while the server runs.
#pragma once

#include "common/concurrency/shared_memory.hpp"
#include "common/net/address.hpp"
#include "common/scoreboard/server_facts.hpp"

#include <array>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <string_view>
#include <sys/types.h>
#include <type_traits>
#include <unistd.h>

namespace parley {

/// What a worker does, by the letters of Apache's scoreboard.
enum class activity : char {
    none = 0,        // nobody has this slot
    starting = 'S',  // takes it
    waiting = '_',   // for a connection
    reading = 'R',   // a connection's first request
    idle = 'K',      // kept alive: waits for the next request of its connection
    writing = 'W',   // makes or sends a reply
    closing = 'C',   // says goodbye
    finishing = 'G', // has a connection although a stop was requested: only readers say so
};
inline constexpr std::array all_activities{activity::waiting,  activity::starting, activity::reading,
                                           activity::writing,  activity::idle,     activity::closing,
                                           activity::finishing};
std::string_view name_of(activity value);

/// As Apache writes it: '.' where nobody has the slot.
constexpr char letter_of(activity value) { return value == activity::none ? '.' : static_cast<char>(value); }

/// A value with one writer and any number of readers: an addition needs no bus lock. It has no constructor, so
/// that new memory, which reads as zeros, holds a thousand of them untouched.
template <class Value>
class owned {
public:
    void set(Value value) { shared().store(value, std::memory_order_relaxed); }
    void add(Value value) requires std::integral<Value> { set(get() + value); }
    [[nodiscard]] Value get() const { return shared().load(std::memory_order_relaxed); }

private:
    static_assert(std::atomic_ref<Value>::is_always_lock_free);
    [[nodiscard]] std::atomic_ref<Value> shared() const { return std::atomic_ref<Value>{value_}; }

    mutable Value value_; // there is no std::atomic_ref<const Value> before C++26
};

/// An address in words that are written one by one: a reader may see two halves of two peers, and no harm done.
struct shared_address {
    owned<std::uint32_t> family; // AF_UNSPEC: nobody
    owned<std::uint32_t> port;
    owned<std::uint64_t> host[2]; // as in the socket address; AF_INET uses the first half

    void set(const address& peer);
    [[nodiscard]] address get() const;
};

/// Starts as all zeros. Two slots share no cache line (prefetchers pull pairs of 64 bytes).
struct alignas(128) slot {
    owned<activity> now;
    owned<pid_t> process;
    owned<pid_t> thread;
    owned<std::uint32_t> open;        // connections that it serves now
    owned<std::uint64_t> connections; // begun
    owned<std::uint64_t> requests;    // answered
    owned<std::uint64_t> bytes_in;
    owned<std::uint64_t> bytes_out;
    owned<std::int64_t> since; // when its last connection began or ended, in ms of CLOCK_MONOTONIC
    shared_address peer;       // of the connection that began last
};
static_assert(sizeof(slot) == 128 && std::is_trivially_default_constructible_v<slot>);

class scoreboard {
public:
    static constexpr const char* slots_name = "parley-scoreboard";
    static constexpr const char* facts_name = "parley-server-facts";

    explicit scoreboard(int workers) : slots_{slots_name, static_cast<std::size_t>(workers)} {}

    /// `worker` counts from 1. The numbers of a slot's earlier owners stay, and are added to.
    [[nodiscard]] slot& slot_of(int worker) { return slots_[static_cast<std::size_t>(worker) - 1]; }
    [[nodiscard]] const slot& slot_of(int worker) const { return slots_[static_cast<std::size_t>(worker) - 1]; }
    [[nodiscard]] int size() const { return static_cast<int>(slots_.size()); }

    /// Nobody has these slots any more: for the parent of a process that has ended, and may have been killed.
    void clear(int first, int count = 1) {
        for (int number = first; number < first + count; ++number) slot_of(number).now.set(activity::none);
    }

    [[nodiscard]] server_facts& facts() { return *facts_; }

    /// What a process must have open to see all this (scoreboard_view.hpp).
    [[nodiscard]] std::array<int, 2> descriptors() const { return {slots_.descriptor(), facts_.descriptor()}; }

private:
    shared_memory<slot> slots_;
    shared_memory<server_facts> facts_{facts_name};
};

/// The thread or process that runs drivers, as long as it holds its slot.
class worker {
public:
    /// Takes the slot of `number` for the calling thread of `process`, which is this one.
    worker(scoreboard& board, int number, pid_t process = getpid());
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    ~worker();

    [[nodiscard]] int number() const { return number_; }
    [[nodiscard]] slot& stats() { return slot_; }

    /// A connection with `peer` begins, or one ends.
    void begin_connection(const address& peer);
    void end_connection();

private:
    int number_;
    slot& slot_;
};

} // namespace parley
