// Concurrent clients of one server that check every response.
#pragma once

#include "tests/support/test_client.hpp"

namespace parley {

/// Returns options for small requests, so that thousands of them finish quickly.
inline request_options small_requests(std::uint64_t per_connection) {
    request_options options;
    options.size = 20;
    options.digits = 20;
    options.wait = std::chrono::milliseconds{2};
    options.per_connection = per_connection;
    return options;
}

/// The clients of one server and their common statistics.
class client_group {
public:
    client_group(std::string_view service_name, const address& endpoint,
                 const request_options& options = small_requests(3))
        : protocol_{protocol_for(service_name)},
          plan_{plan_requests(protocol_, options)},
          endpoint_{endpoint} {}

    client_group& add(std::size_t count, std::size_t portion = 1 << 20) {
        while (count-- != 0) add(connect_to(endpoint_), portion);
        return *this;
    }
    client_group& add(connection connection, std::size_t portion = 1 << 20) {
        clients_.push_back(std::make_unique<test_client>(protocol_, plan_, stats_, clients_.size() + 1,
                                                         std::move(connection), portion));
        return *this;
    }

    /// Runs all clients until their sessions end. Returns the problems found, or an empty text.
    std::string converse() {
        try {
            for (const auto& client : clients_) client->pause_reading_at(0);
            parley::converse(clients_);
            clients_.clear();
        } catch (const std::exception& error) {
            return error.what();
        }
        return errors_in(stats_);
    }

    /// Runs all clients until they have sent request `number`; its response stays unread.
    void run_until_sent(std::uint64_t number) {
        for (const auto& client : clients_) client->pause_reading_at(number);
        parley::converse(clients_, [](const test_client& client) { return client.is_paused(); });
    }

    [[nodiscard]] const test_clients& clients() const { return clients_; }

private:
    const protocol& protocol_;
    request_plan plan_;
    address endpoint_;
    run_stats stats_;
    test_clients clients_;
};

/// Closes the connection with a reset (SO_LINGER with time 0, socket(7)).
inline void reset(connection connection) {
    const linger no_linger{.l_onoff = 1, .l_linger = 0};
    setsockopt(connection.descriptor(), SOL_SOCKET, SO_LINGER, &no_linger, sizeof no_linger);
}

} // namespace parley
