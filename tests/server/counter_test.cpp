// One counter, many clients, every model: the right ways lose no update, the wrong ones are seen to lose some.
#include "server/model.hpp"
#include "tests/support/server_under_test.hpp"
#include "tests/support/test_client.hpp"

#include <doctest/doctest.h>
#include <set>
#include <sstream>

namespace parley {

namespace {

constexpr std::size_t clients = 8;
constexpr std::uint64_t requests_each = 100;

/// What came of all clients counting at the same time.
struct count {
    std::multiset<std::uint64_t> values; // that they were given
    std::string ended_badly;

    [[nodiscard]] bool every_value_once() const {
        std::uint64_t expected = 0;
        for (const auto value : values)
            if (value != ++expected) return false;
        return expected == clients * requests_each;
    }
};

count count_under(std::string_view model, const char* how) {
    // As many workers as clients: otherwise a pool would let them in one after the other.
    server_under_test server{model, "counter", {"--counter", how, "--workers", std::to_string(clients)}};
    count all;
    {
        std::vector<connection> connections;
        for (std::size_t i = 0; i != clients; ++i) connections.push_back(connect_to(server.endpoint()));
        std::string requests;
        for (std::uint64_t i = 0; i != requests_each; ++i) requests += "\n";
        for (auto& connection : connections) {
            send_all(connection, requests);
            connection.shutdown_write();
        }
        for (auto& connection : connections) {
            std::istringstream answers{read_to_end(connection)};
            for (std::uint64_t value = 0; answers >> value;) all.values.insert(value);
        }
    }
    all.ended_badly = server.shutdown_problems();
    return all;
}

bool loses_updates(std::string_view model, const char* how) {
    for (int attempt = 0; attempt != 50; ++attempt) {
        const auto all = count_under(model, how);
        CHECK(all.ended_badly == "");
        CHECK(all.values.size() == clients * requests_each);
        if (!all.every_value_once()) return true;
    }
    return false;
}

} // namespace

TEST_CASE("with a mutex or an atomic every value is given out once, in every model") {
    for (const auto& each : models()) {
        if (each.datagrams || each.commands || !each.obstacle().empty()) continue;
        INFO("model ", each.name);
        for (const auto* how : {"mutex", "atomic"}) {
            const auto all = count_under(each.name, how);
            CHECK(all.every_value_once());
            CHECK(all.ended_badly == "");
        }
    }
}

TEST_CASE("without a lock updates are lost, between processes as between threads") {
    for (const auto* model : {"fork", "prefork", "thread", "pool", "hybrid"}) {
        INFO("model ", model);
        CHECK(loses_updates(model, "unlocked"));
    }
}

TEST_CASE("counters of one's own give every value to each worker") {
    for (const auto* model : {"fork", "prefork", "thread", "pool", "hybrid"}) {
        INFO("model ", model);
        CHECK(loses_updates(model, "private"));
    }
}

TEST_CASE("who serves one at a time cannot lose updates, lock or not") {
    for (const auto* model : {"iterative", "epoll"})
        for (const auto* how : {"unlocked", "private"}) {
            const auto all = count_under(model, how);
            CHECK(all.every_value_once());
        }
}

} // namespace parley
