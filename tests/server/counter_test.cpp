// Tests of service counter under every model: correct counters lose no update, and the wrong ones are seen to
// lose some.
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

/// The result of all clients counting at the same time.
struct count {
    std::multiset<std::uint64_t> values; // all values that the clients received
    std::string shutdown_problems;

    [[nodiscard]] bool every_value_once() const {
        std::uint64_t expected = 0;
        for (const auto value : values)
            if (value != ++expected) return false;
        return expected == clients * requests_each;
    }
};

count count_under(std::string_view model, const char* counter) {
    // As many workers as clients: otherwise a pool would serve them one after the other.
    server_under_test server{model, "counter", {"--counter", counter, "--workers", std::to_string(clients)}};
    count count;
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
            for (std::uint64_t value = 0; answers >> value;) count.values.insert(value);
        }
    }
    count.shutdown_problems = server.shutdown_problems();
    return count;
}

bool loses_updates(std::string_view model, const char* counter) {
    for (int attempt = 0; attempt != 50; ++attempt) {
        const auto count = count_under(model, counter);
        CHECK(count.shutdown_problems == "");
        CHECK(count.values.size() == clients * requests_each);
        if (!count.every_value_once()) return true;
    }
    return false;
}

} // namespace

TEST_CASE("with a mutex or an atomic every value is given out once, in every model") {
    for (const auto& model : models()) {
        if (model.datagrams || model.commands || !model.obstacle().empty()) continue;
        INFO("model ", model.name);
        for (const auto* counter : {"mutex", "atomic"}) {
            const auto count = count_under(model.name, counter);
            CHECK(count.every_value_once());
            CHECK(count.shutdown_problems == "");
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
        for (const auto* counter : {"unlocked", "private"}) {
            const auto count = count_under(model, counter);
            CHECK(count.every_value_once());
        }
}

} // namespace parley
