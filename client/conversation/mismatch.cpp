#include "client/conversation/mismatch.hpp"

#include "client/conversation/payload.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <vector>

namespace parley {

namespace {

/// Where the bytes that came begin in somebody's payload, found by a word of theirs.
std::optional<payload::origin> found_by(const expected_payload& expected, std::string_view came,
                                        std::size_t shift, std::uint64_t block) {
    auto whose = payload::origin_of(expected.seed, came.substr(shift, payload::step), block);
    const bool exists = whose.connection >= 1 && whose.connection <= 4 * expected.connections + 1'000 &&
                        whose.request >= 1 && whose.offset + payload::step <= expected.size;
    if (!exists || whose.offset < shift) return std::nullopt;
    // The bytes before and after that word must be its neighbours.
    const auto first = whose.offset / payload::step * payload::step - (shift ? payload::step : 0);
    const auto before = whose.offset - shift - first;
    const auto size = std::min({came.size(), expected.size - (whose.offset - shift), 4 * payload::step});
    std::vector<char> theirs(before + size);
    payload{expected.seed, whose.connection, whose.request}.bytes(theirs, first);
    if (!std::equal(came.begin(), came.begin() + static_cast<std::ptrdiff_t>(size),
                    theirs.begin() + static_cast<std::ptrdiff_t>(before)))
        return std::nullopt;
    whose.offset -= shift;
    return whose;
}

std::optional<payload::origin> origin_of(const expected_payload& expected, std::string_view came) {
    const auto here = payload::block_of(expected.offset);
    for (std::size_t shift = 0; shift < payload::step && shift + payload::step <= came.size(); ++shift)
        for (const auto block : {here, here + 1, std::uint64_t{0}})
            if (const auto found = found_by(expected, came, shift, block)) return found;
    return std::nullopt;
}

/// Of the bytes from the beginning of the payload, how many are right, and how many could be?
bool is_mostly_right(const expected_payload& expected, std::string_view came) {
    const auto size = std::min(came.size(), expected.size - expected.offset);
    const auto first = expected.offset / payload::step * payload::step;
    std::vector<char> right(expected.offset - first + size);
    payload{expected.seed, expected.connection, expected.request}.bytes(right, first);
    std::size_t agree = expected.offset;
    for (std::size_t each = 0; each < size; ++each)
        agree += came[each] == right[expected.offset - first + each];
    return size > 0 && 2 * agree >= expected.offset + size;
}

} // namespace

mismatch explain(const expected_payload& expected, std::string_view came) {
    if (const auto whose = origin_of(expected, came)) {
        if (whose->connection != expected.connection)
            return {"crossed", fmt::format("they belong to byte {} of request {} of connection {}",
                                           whose->offset, whose->request, whose->connection)};
        if (whose->request < expected.request)
            return {"doubled",
                    fmt::format("they belong to request {}, which was answered before", whose->request)};
        if (whose->request > expected.request)
            return {"reordered", fmt::format("they belong to request {}", whose->request)};
        if (whose->offset > expected.offset)
            return {"lost", fmt::format("{} bytes are missing", whose->offset - expected.offset)};
        if (whose->offset < expected.offset)
            return {"doubled", fmt::format("byte {} came before", whose->offset)};
    }
    if (is_mostly_right(expected, came)) return {"corrupt", {}};
    return {expected.offset == expected.size ? "too many bytes" : "wrong bytes", {}};
}

} // namespace parley
