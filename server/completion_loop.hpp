// An event loop the other way round: it asks the kernel to receive and to send (io_uring(7)), and hears when
// that has been done; conversations are suspended meanwhile. The heart of uring.
#pragma once

#include "common/listener.hpp"
#include "server/completion_ring.hpp"
#include "server/model.hpp"
#include "server/reception.hpp"
#include "server/served_connection.hpp"

#include <list>
#include <memory>
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
        client* whose = nullptr; // nobody's: the door's, or the stop's
    };

    /// One operation receives as long as the client talks, another does what the session waits for.
    struct client {
        client(connection wire, const service& offered, worker& by)
            : talk{std::move(wire), offered, by, served_connection::transfer::by_loop} {}

        served_connection talk;
        served_connection::waits_for waits = served_connection::waits_for::nothing;
        operation receiving{this}, doing{this};
        enum class state { off, on, ending } reception = state::off;
        std::vector<completion_ring::completion> unread; // received, but not yet wanted
        int buffer = -1;                                 // of the ring, which the session still looks at
        bool over = false; // it goes as soon as the ring has nothing more to say of it
        __kernel_timespec pause{};
        std::list<client>::iterator self;
    };

    void open_door();
    void shut_door();
    void accepted(const completion_ring::completion& one);
    void let_in(connection wire);
    void received(client& each, const completion_ring::completion& what);
    void keep(client& each, const completion_ring::completion& what);
    void done(client& each, const completion_ring::completion& what);
    bool next_input(client& each);
    void go_on(client& each);
    void end(client& each);
    void look_for_overdue(served_connection::time_point now);
    [[nodiscard]] bool full() const {
        return live_.size() >= static_cast<std::size_t>(options_.max_connections);
    }

    listener& door_;
    const service& offered_;
    const model_options& options_;
    worker self_;
    completion_ring ring_;
    operation accepting_, stopping_;
    int doors_open_ = 0;
    bool door_shut_ = false;
    served_connection::time_point look_again_{};
    reception reception_;
    std::list<client> live_;
    std::unique_ptr<input_area> no_memory_of_ours_; // the ring's buffers are used instead
};

} // namespace parley
