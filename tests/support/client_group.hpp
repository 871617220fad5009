// Clients that talk to one server at the same time, and check every answer.
#pragma once

#include "tests/support/test_client.hpp"

namespace parley {

/// Small requests, so that a thousand of them take no time.
inline request_options small_requests(std::uint64_t per_connection) {
    request_options options;
    options.size = 20;
    options.digits = 20;
    options.wait = std::chrono::milliseconds{2};
    options.per_connection = per_connection;
    return options;
}

/// The clients of one server, and the book that they write into.
class client_group {
public:
    client_group(std::string_view offered, const address& endpoint,
                 const request_options& options = small_requests(3))
        : with_{protocol_for(offered)}, plan_{plan_requests(with_, options)}, endpoint_{endpoint} {}

    client_group& add(std::size_t count, std::size_t portion = 1 << 20) {
        while (count-- != 0) add(connect_to(endpoint_), portion);
        return *this;
    }
    client_group& add(connection connection, std::size_t portion = 1 << 20) {
        clients_.push_back(std::make_unique<test_client>(with_, plan_, stats_, clients_.size() + 1,
                                                         std::move(connection), portion));
        return *this;
    }

    /// All talk to their ends. Returns what was wrong; empty: nothing.
    std::string converse() {
        try {
            for (const auto& each : clients_) each->pause_reading_at(0);
            parley::converse(clients_);
            clients_.clear();
        } catch (const std::exception& error) {
            return error.what();
        }
        return complaints_in(stats_);
    }

    /// All talk until they have sent request `number`, and leave its answer unread.
    void ask(std::uint64_t number) {
        for (const auto& each : clients_) each->pause_reading_at(number);
        parley::converse(clients_, [](const test_client& each) { return each.holds(); });
    }

    [[nodiscard]] const test_clients& clients() const { return clients_; }

private:
    const protocol& with_;
    request_plan plan_;
    address endpoint_;
    run_stats stats_;
    test_clients clients_;
};

/// Closes without a goodbye: the peer gets a reset (SO_LINGER, socket(7)).
inline void reset(connection connection) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(connection.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace parley
