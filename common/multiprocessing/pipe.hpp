// Typed pipes between two processes, as Python's multiprocessing.Pipe: what one end sends, the other receives.
// Make the pipe, then fork: parent and child have both ends. So each closes the end that it does not use. A
// forgotten copy of the sending end hides the end of input: the receiver waits for ever.
//
// An end belongs to one process. If two send through the same end, their messages may be mixed up; they need a
// shared_queue.
#pragma once

#include "common/multiprocessing/message.hpp"
#include "common/multiprocessing/message_channel.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace parley {

/// One end of a duplex pipe: sends values of type Out, and receives those of type In.
template <class Out, class In>
class duplex_end {
public:
    explicit duplex_end(message_channel channel) : channel_{std::move(channel)} {}

    /// Sends a value, and waits while the pipe is full. Returns false if the other end is gone. Throws
    /// std::length_error if the value is longer than message_channel::max_message.
    [[nodiscard]] bool send(const Out& value) { return channel_.send(to_bytes(value)); }

    /// Waits for a value. Returns nullopt at the end of input.
    [[nodiscard]] std::optional<In> receive() { return receive_within(std::nullopt).value; }

    /// Waits for a value, at most for `limit`.
    [[nodiscard]] received<In> receive(std::chrono::milliseconds limit) { return receive_within(limit); }

    /// Ends the input of the other end. This end can still receive.
    void shutdown_write() { channel_.shutdown_write(); }

    void close() { channel_.close(); }

    /// Returns a descriptor that is readable if a value may have arrived (poll(2)), or -1 after close().
    [[nodiscard]] int descriptor() const { return channel_.descriptor(); }

private:
    received<In> receive_within(std::optional<std::chrono::milliseconds> limit) {
        const auto message = channel_.receive(limit);
        if (!message.value) return {message.status, std::nullopt};
        return {message.status, from_bytes<In>(*message.value)};
    }

    message_channel channel_;
};

template <class A, class B = A>
struct duplex_pipe {
    explicit duplex_pipe(std::pair<message_channel, message_channel> channels = make_message_channels())
        : first{std::move(channels.first)}, second{std::move(channels.second)} {}

    duplex_end<A, B> first;  // sends A
    duplex_end<B, A> second; // sends B
};

/// The end of a one-way pipe that sends.
template <class Value>
class sender {
public:
    explicit sender(message_channel channel) : end_{std::move(channel)} {}

    /// As duplex_end::send().
    [[nodiscard]] bool send(const Value& value) { return end_.send(value); }
    void close() { end_.close(); }

private:
    duplex_end<Value, Value> end_;
};

/// The end of a one-way pipe that receives.
template <class Value>
class receiver {
public:
    explicit receiver(message_channel channel) : end_{std::move(channel)} { end_.shutdown_write(); }

    /// As duplex_end::receive().
    [[nodiscard]] std::optional<Value> receive() { return end_.receive(); }
    [[nodiscard]] received<Value> receive(std::chrono::milliseconds limit) { return end_.receive(limit); }
    void close() { end_.close(); }
    [[nodiscard]] int descriptor() const { return end_.descriptor(); }

private:
    duplex_end<Value, Value> end_;
};

template <class Value>
struct one_way_pipe {
    explicit one_way_pipe(std::pair<message_channel, message_channel> channels = make_message_channels())
        : reader{std::move(channels.first)}, writer{std::move(channels.second)} {}

    receiver<Value> reader;
    sender<Value> writer;
};

} // namespace parley
