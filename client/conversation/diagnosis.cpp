#include "client/conversation/diagnosis.hpp"

#include "client/conversation/payload.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <vector>

namespace parley {

namespace {

/// Returns where the received bytes begin in some payload of the run, found by the word at `shift`; nullopt if
/// there is none.
std::optional<payload::origin> origin_by_word(const expected_payload& expected, std::string_view received,
                                              std::size_t shift, std::uint64_t block) {
    auto origin = payload::origin_of(expected.seed, received.substr(shift, payload::step), block);
    const bool exists = origin.connection >= 1 && origin.connection <= 4 * expected.connections + 1'000 &&
                        origin.request >= 1 && origin.offset + payload::step <= expected.size;
    if (!exists || origin.offset < shift) return std::nullopt;
    // The bytes around the word must be those of the same payload, or the match is chance.
    const auto first = origin.offset / payload::step * payload::step - (shift ? payload::step : 0);
    const auto before = origin.offset - shift - first;
    const auto size = std::min({received.size(), expected.size - (origin.offset - shift), 4 * payload::step});
    std::vector<char> payload_bytes(before + size);
    payload{expected.seed, origin.connection, origin.request}.bytes(payload_bytes, first);
    if (!std::equal(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(size),
                    payload_bytes.begin() + static_cast<std::ptrdiff_t>(before)))
        return std::nullopt;
    origin.offset -= shift;
    return origin;
}

std::optional<payload::origin> origin_of(const expected_payload& expected, std::string_view received) {
    const auto current = payload::block_of(expected.offset);
    for (std::size_t shift = 0; shift < payload::step && shift + payload::step <= received.size(); ++shift)
        for (const auto block : {current, current + 1, std::uint64_t{0}})
            if (const auto found = origin_by_word(expected, received, shift, block)) return found;
    return std::nullopt;
}

/// True if at least half of the bytes since the beginning of the payload are correct.
bool is_mostly_right(const expected_payload& expected, std::string_view received) {
    const auto size = std::min(received.size(), expected.size - expected.offset);
    const auto first = expected.offset / payload::step * payload::step;
    std::vector<char> correct(expected.offset - first + size);
    payload{expected.seed, expected.connection, expected.request}.bytes(correct, first);
    std::size_t matching = expected.offset;
    for (std::size_t i = 0; i < size; ++i) matching += received[i] == correct[expected.offset - first + i];
    return size > 0 && 2 * matching >= expected.offset + size;
}

} // namespace

diagnosis diagnose(const expected_payload& expected, std::string_view received) {
    if (const auto origin = origin_of(expected, received)) {
        if (origin->connection != expected.connection)
            return {"crossed", fmt::format("they belong to byte {} of request {} of connection {}",
                                           origin->offset, origin->request, origin->connection)};
        if (origin->request < expected.request)
            return {"doubled",
                    fmt::format("they belong to request {}, which is already answered", origin->request)};
        if (origin->request > expected.request)
            return {"reordered", fmt::format("they belong to request {}", origin->request)};
        if (origin->offset > expected.offset)
            return {"lost", fmt::format("{} bytes are missing", origin->offset - expected.offset)};
        if (origin->offset < expected.offset)
            return {"doubled", fmt::format("byte {} came before", origin->offset)};
    }
    if (is_mostly_right(expected, received)) return {"corrupt", {}};
    return {expected.offset == expected.size ? "too many bytes" : "wrong bytes", {}};
}

} // namespace parley
