// An event loop the other way round: it asks the kernel to receive and to send (io_uring(7)), and hears when
// that has been done; conversations are suspended meanwhile. The heart of uring.
#pragma once

#include "common/net/listener.hpp"
#include "server/accept/admission.hpp"
#include "server/loops/served_connection.hpp"
#include "server/loops/uring.hpp"
#include "server/model.hpp"

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace parley {

class completion_loop {
public:
    /// Serves the clients of `door` as worker `number`. Work for the processor is done on the loop, which keeps
    /// everybody waiting.
    completion_loop(listener& door, const service& offered, const model_options& options, int number)
        : door_{door}, offered_{offered}, options_{options}, self_{options.board, number} {}

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
        client(connection wire, const service& offered, worker& by)
            : talk{std::move(wire), offered, by, served_connection::transfer::by_loop} {}

        served_connection talk;
        served_connection::waits_for waits = served_connection::waits_for::nothing;
        operation receiving{this}, doing{this};
        bool is_receiving = false;
        std::optional<completion_ring::completion> unread; // received, but not yet wanted
        int buffer = -1;                                   // of the ring, which the session still looks at
        bool over = false; // it goes as soon as the ring has nothing more to say of it
        __kernel_timespec pause_end{};
        std::list<client>::iterator self;
    };

    void open_door();
    void shut_door();
    void accepted(accept_operation& by, const completion_ring::completion& what);
    void let_in(connection wire);
    void received(client& each, const completion_ring::completion& what);
    void done(client& each, const completion_ring::completion& what);
    void paused(client& each, int result);
    bool next_input(client& each);
    void go_on(client& each);
    void end(client& each);
    void look_for_overdue(served_connection::time_point now);
    void receive(client& each);
    void admit_waiting();
    [[nodiscard]] std::chrono::milliseconds wait_limit() const;
    [[nodiscard]] std::size_t room() const {
        const auto most = static_cast<std::size_t>(options_.max_connections);
        return most - std::min(live_.size(), most);
    }

    listener& door_;
    const service& offered_;
    const model_options& options_;
    worker self_;
    completion_ring ring_;
    operation stopping_;
    std::vector<accept_operation> accepts_; // some of each listening socket; not all of them are pending
    std::list<connection> waiting_;         // accepted when there was no room any more
    bool door_shut_ = false;
    served_connection::time_point look_again_{};
    reception reception_;
    std::list<client> live_;
    std::unique_ptr<input_area> no_memory_of_ours_; // the ring's buffers are used instead
};

} // namespace parley
