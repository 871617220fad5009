// What a server says of itself beside its scoreboard, so that both can be understood from outside: written
// once, before there are workers.
#pragma once

#include "common/net/address.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace parley {

/// A text in shared memory. What is too long is cut off.
template <std::size_t Size>
class fixed_text {
public:
    void set(std::string_view text) { data_[text.copy(data_, Size - 1)] = '\0'; }
    [[nodiscard]] std::string get() const { return {data_, strnlen(data_, Size)}; }

private:
    char data_[Size];
};

/// Starts as all zeros.
struct server_facts {
    /// Of this and of the slots: to be raised when one of them changes.
    static constexpr std::uint32_t our_layout = 1;

    std::atomic<std::uint32_t> layout; // 0: not published yet; else all below is right
    std::uint32_t slots;
    pid_t process;                            // the main one
    std::int64_t begun;                       // in ms of CLOCK_MONOTONIC
    std::atomic<std::int64_t> stop_requested; // when, in ms of CLOCK_MONOTONIC; 0: not yet
    fixed_text<32> version;
    fixed_text<64> model;
    fixed_text<256> service;    // or the command that stands for it
    fixed_text<2048> addresses; // where it listens, a line each

    /// For the main process, once it listens.
    void publish(int of_slots, std::string_view of_model, std::string_view of_service,
                 std::span<const address> at);
};

} // namespace parley
