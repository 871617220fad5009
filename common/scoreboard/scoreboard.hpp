// Scoreboard: the state of all workers in shared memory, as in Apache. Each worker has a slot that only it
// writes. So no lock is needed, the last state of a killed worker remains, and any program may read it
// (scoreboard_view.hpp).
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

/// What a worker does, with the letters of Apache's scoreboard (mod_status).
enum class activity : char {
    none = 0,        // the slot is free
    starting = 'S',  // takes the slot
    waiting = '_',   // for a connection
    reading = 'R',   // a connection's first request
    idle = 'K',      // keep-alive: waits for the next request of its connection
    writing = 'W',   // computes or sends a reply
    closing = 'C',   // lingering close
    finishing = 'G', // has a connection after a stop request; set by scoreboard_view, never by a worker
};
inline constexpr std::array all_activities{activity::waiting,  activity::starting, activity::reading,
                                           activity::writing,  activity::idle,     activity::closing,
                                           activity::finishing};

/// Returns the activity's name in text output, such as "waiting".
std::string_view name_of(activity value);

/// Returns Apache's letter; '.' for a free slot.
constexpr char letter_of(activity value) { return value == activity::none ? '.' : static_cast<char>(value); }

/// An atomic value with a single writer and any number of readers. So add() needs no locked instruction. It has
/// no constructor: new shared memory reads as zeros, and a thousand unused slots need no page.
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

/// An address in shared memory, in words that are written one by one. A reader may see parts of two peers,
/// which is acceptable for a display.
struct shared_address {
    owned<std::uint32_t> family; // AF_UNSPEC: no peer
    owned<std::uint32_t> port;
    owned<std::uint64_t> host[2]; // as in the socket address; AF_INET uses the first half

    void set(const address& peer);
    [[nodiscard]] address get() const;
};

/// The record of one worker. Starts as all zeros. Aligned to 128 bytes so that two workers never write to the
/// same cache line: prefetchers fetch cache lines of 64 bytes in pairs.
struct alignas(128) slot {
    owned<activity> now;
    owned<pid_t> process;
    owned<pid_t> thread;
    owned<std::uint32_t> open;        // connections being served now
    owned<std::uint64_t> connections; // started, ever
    owned<std::uint64_t> requests;    // answered, ever
    owned<std::uint64_t> bytes_in;
    owned<std::uint64_t> bytes_out;
    owned<std::int64_t> since; // when a connection last started or ended (ms, CLOCK_MONOTONIC)
    shared_address peer;       // of the connection that started last
};
static_assert(sizeof(slot) == 128 && std::is_trivially_default_constructible_v<slot>);

class scoreboard {
public:
    static constexpr const char* slots_name = "parley-scoreboard";
    static constexpr const char* facts_name = "parley-server-facts";

    explicit scoreboard(int workers) : slots_{slots_name, static_cast<std::size_t>(workers)} {}

    /// Returns the slot of `worker` (from 1). A new owner adds to the counters of previous owners.
    [[nodiscard]] slot& slot_of(int worker) { return slots_[static_cast<std::size_t>(worker) - 1]; }
    [[nodiscard]] const slot& slot_of(int worker) const { return slots_[static_cast<std::size_t>(worker) - 1]; }
    [[nodiscard]] int size() const { return static_cast<int>(slots_.size()); }

    /// Marks slots as free. For the parent of a process that has exited, since a killed worker cannot do it
    /// itself.
    void clear(int first, int count = 1) {
        for (int number = first; number < first + count; ++number) slot_of(number).now.set(activity::none);
    }

    [[nodiscard]] server_facts& facts() { return *facts_; }

    /// Returns the files that a process must keep open so that scoreboard_view finds them.
    [[nodiscard]] std::array<int, 2> descriptors() const { return {slots_.descriptor(), facts_.descriptor()}; }

private:
    shared_memory<slot> slots_;
    shared_memory<server_facts> facts_{facts_name};
};

/// The thread or process that runs drivers. Holds a slot of the scoreboard while alive.
class worker {
public:
    /// Takes the slot of `number` for the calling thread of the current process (`process` saves a system
    /// call).
    worker(scoreboard& board, int number, pid_t process = getpid());
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    ~worker();

    [[nodiscard]] int number() const { return number_; }
    [[nodiscard]] slot& stats() { return slot_; }

    /// Records that a connection with `peer` has started.
    void begin_connection(const address& peer);

    /// Records that a connection has ended.
    void end_connection();

private:
    int number_;
    slot& slot_;
};

} // namespace parley
