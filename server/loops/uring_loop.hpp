// Proactor: submits receives and sends to io_uring(7) and handles their completions. Used by the model uring.
//
// A reactor asks when a socket is ready and then calls recv(2); here the kernel itself receives into a buffer,
// and reports when it has done so. Sessions are suspended during that time. Read io_ring.hpp first.
//
// Lifetimes are the hard part, since the kernel works with the loop's memory between submission and completion.
//
// A client is freed only when no operation of it is in flight: the completion would name freed memory. A client
// has at most two, `receiving` and `doing`. It ends only when resume() returns wants::done, and resume() is not
// called while `doing` is in flight. So only the receive may be left: end() cancels it, and its completion
// frees the client. The socket is closed with the client, not before: another client could get the same
// descriptor, and the operation would act on that.
//
// Sent bytes belong to the session, which stays suspended until the send completes. Received bytes are in a
// buffer of the ring, which the loop owns from the completion until recycle(): first as `unread`, then as
// `buffer`, until the session asks for input again. The kernel reads `pause_end` when the pause is submitted,
// which may be as late as in the next wait(): so it is a member, not a local variable.
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
    /// Serves the clients of `listener` as worker `number`. The loop itself does the CPU-bound work of the
    /// sessions, while all other clients wait.
    uring_loop(listener& listener, const service& offered, const model_options& options, int number)
        : listener_{listener}, offered_{offered}, options_{options}, worker_{options.board, number} {}

    /// Returns when shutdown was requested and all sessions have ended.
    void run();

private:
    struct uring_client;

    /// The tag of an operation of the ring: its address names it in the completion.
    struct ring_operation {
        uring_client* client = nullptr; // null for the accept and shutdown operations
    };

    /// Accepts one connection. The kernel writes the peer's address here when it completes.
    struct accept_operation : ring_operation {
        int socket = -1;
        bool is_pending = false;
        sockaddr_storage peer{};
        socklen_t size = 0;
    };

    /// A connection, with one operation that receives ahead and one for what else the session waits for.
    ///
    /// Receives are single-shot, which bounds a client to two buffers of the ring: the one that its session
    /// looks at, and the next. A multishot receive was measured 2 to 3 % faster at 50 connections; but a client
    /// that sends without reading could take dozens of buffers before the receive can be cancelled.
    struct uring_client {
        uring_client(connection connection, const service& offered, worker& worker)
            : served{std::move(connection), offered, worker, served_connection::io_mode::completion} {}

        served_connection served;
        served_connection::wants wanted = served_connection::wants::done;
        ring_operation receiving{this}, doing{this};
        bool is_receiving = false;                 // `receiving` is in flight
        std::optional<io_ring::completion> unread; // received, but the session has not asked for it yet
        int buffer = -1;                           // of the ring, used by the session; negative: none
        bool has_ended = false;                    // freed at the completion of `receiving`
        __kernel_timespec pause_end{};
        std::list<uring_client>::iterator position; // in clients_
    };

    void start_accepts();
    void stop_accepting();
    void on_accepted(accept_operation& accepting, const io_ring::completion& completion);
    void add_client(connection connection);
    void on_received(uring_client& client, const io_ring::completion& completion);
    void on_done(uring_client& client, const io_ring::completion& completion);
    void on_pause_end(uring_client& client, int result);
    bool feed_input(uring_client& client);
    void resume(uring_client& client);
    void end(uring_client& client);
    void check_timeouts(served_connection::time_point now);
    void receive(uring_client& client);
    void admit_waiting();
    [[nodiscard]] std::chrono::milliseconds wait_limit() const;
    [[nodiscard]] std::size_t room() const {
        const auto limit = static_cast<std::size_t>(options_.max_connections);
        return limit - std::min(clients_.size(), limit);
    }

    listener& listener_;
    const service& offered_;
    const model_options& options_;
    worker worker_;
    io_ring ring_;
    ring_operation shutdown_request_;
    std::vector<accept_operation> accepts_; // accepts_per_socket for each listening socket, pending or not
    std::list<connection> waiting_;         // accepted when there was no room any more
    bool accepting_stopped_ = false;
    timeout_schedule timeouts_{options_.idle_timeout};
    admission admission_;
    std::list<uring_client> clients_;
    std::unique_ptr<read_buffer> unused_buffer_; // resume() takes one, but uses the ring's buffers in this mode
};

} // namespace parley
