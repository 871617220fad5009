// An event loop the other way round: it asks the kernel to receive and to send (io_uring(7)), and hears when
// that has been done; conversations are suspended meanwhile. The heart of uring.
#pragma once

#include "common/net/listener.hpp"
#include "server/accept/admission.hpp"
#include "server/loops/io_ring.hpp"
#include "server/loops/served_connection.hpp"
#include "server/loops/timeout_schedule.hpp"
#include "server/model.hpp"

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace parley {

class uring_loop {
public:
    /// Serves the clients of `listener` as worker `number`. Work for the processor is done on the loop, which
    /// keeps everybody waiting.
    uring_loop(listener& listener, const service& offered, const model_options& options, int number)
        : listener_{listener}, offered_{offered}, options_{options}, self_{options.board, number} {}

    /// Until a stop is requested and all conversations have ended.
    void run();

private:
    struct client;

    /// What the ring carries out, and names when it has something to say of it.
    struct operation {
        client* whose = nullptr; // null for those of listening sockets, and for the stop's
    };

    /// Accepts one client of a listening socket.
    struct accept_operation : operation {
        int socket = -1;
        bool is_pending = false;
        sockaddr_storage peer{};
        socklen_t size = 0;
    };

    /// One operation receives ahead, another does what the session waits for. So a client has two buffers of
    /// the ring at most: the one that its session looks at, and the next.
    struct client {
        client(connection connection, const service& offered, worker& worker)
            : served{std::move(connection), offered, worker, served_connection::io_mode::completion} {}

        served_connection served;
        served_connection::wants waits = served_connection::wants::done;
        operation receiving{this}, doing{this};
        bool is_receiving = false;
        std::optional<io_ring::completion> unread; // received, but not yet wanted
        int buffer = -1;                           // of the ring, which the session still looks at
        bool over = false;                         // it goes as soon as the ring has nothing more to say of it
        __kernel_timespec pause_end{};
        std::list<client>::iterator self;
    };

    void start_accepts();
    void stop_accepting();
    void accepted(accept_operation& accepting, const io_ring::completion& what);
    void add_client(connection connection);
    void received(client& each, const io_ring::completion& what);
    void done(client& each, const io_ring::completion& what);
    void paused(client& each, int result);
    bool next_input(client& each);
    void resume(client& each);
    void end(client& each);
    void check_timeouts(served_connection::time_point now);
    void receive(client& each);
    void admit_waiting();
    [[nodiscard]] std::chrono::milliseconds wait_limit() const;
    [[nodiscard]] std::size_t room() const {
        const auto most = static_cast<std::size_t>(options_.max_connections);
        return most - std::min(live_.size(), most);
    }

    listener& listener_;
    const service& offered_;
    const model_options& options_;
    worker self_;
    io_ring ring_;
    operation stopping_;
    std::vector<accept_operation> accepts_; // some of each listening socket; not all of them are pending
    std::list<connection> waiting_;         // accepted when there was no room any more
    bool accepting_stopped_ = false;
    timeout_schedule timeouts_{options_.idle_timeout};
    admission admission_;
    std::list<client> live_;
    std::unique_ptr<read_buffer> unused_buffer_; // the ring's buffers are used instead
};

} // namespace parley
