// Facts about a server in shared memory, next to its scoreboard: version, model, service, addresses. Other
// programs need them to interpret the scoreboard. They are written once, before the workers start.
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

/// A text in shared memory. A text that does not fit is cut off.
template <std::size_t Size>
class fixed_text {
public:
    void set(std::string_view text) { data_[text.copy(data_, Size - 1)] = '\0'; }
    [[nodiscard]] std::string get() const { return {data_, strnlen(data_, Size)}; }

private:
    char data_[Size];
};

/// The shared record. Starts as all zeros. The sizes of the texts fit the longest names of models and services,
/// and some forty addresses.
struct server_facts {
    /// The version of the layout of this struct and of the slots. Increase it whenever one of them changes;
    /// readers refuse other versions.
    static constexpr std::uint32_t current_layout = 1;

    std::atomic<std::uint32_t> layout; // 0: not published yet; otherwise all members below are valid
    std::uint32_t slots;
    pid_t process;                            // the main process
    std::int64_t start_time;                  // ms, CLOCK_MONOTONIC
    std::atomic<std::int64_t> stop_requested; // time of the stop request (ms, CLOCK_MONOTONIC); 0: none
    fixed_text<32> version;
    fixed_text<64> model;
    fixed_text<256> service;    // or the command that is run instead of a service
    fixed_text<2048> addresses; // the listening addresses, one per line

    /// Fills the record. For the main process, once it listens.
    void publish(int slot_count, std::string_view model_name, std::string_view service_name,
                 std::span<const address> listening);
};

} // namespace parley
