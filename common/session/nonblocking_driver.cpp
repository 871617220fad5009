// Performs steps of a session until one would block. Replies to pipelined requests are collected in a batch and
// sent by one call.
#include "common/session/nonblocking_driver.hpp"

namespace parley {

nonblocking_driver::wants nonblocking_driver::resume(std::unique_ptr<read_buffer>& buffer, slot& stats) {
    for (unsigned replies = 0;;) {
        if (!step_ && !has_finished_) next_step();
        const auto* const reply = step_ ? std::get_if<output>(step_) : nullptr;
        if (reply && replies < replies_per_turn && add_to_batch(reply->bytes)) {
            ++replies;
            step_ = nullptr;
            continue;
        }
        if (has_batch()) {
            if (mode_ == io_mode::readiness) sent(connection_.write_some(unsent()), stats);
            if (has_batch()) return suspend_with_input(wants::write, buffer);
        }
        if (!step_) {
            if (batch_ && batch_->failure) std::rethrow_exception(batch_->failure);
            return wants::done;
        }
        if (std::holds_alternative<need_input>(*step_)) {
            batch_.reset();
            if (input_) buffer = std::move(input_);
            if (std::exchange(has_read_, false) || mode_ == io_mode::completion) return wants::read;
            if (!buffer) buffer = std::make_unique_for_overwrite<read_buffer>();
            const auto bytes = connection_.read_some(*buffer);
            if (!bytes) return wants::read;
            feed(*bytes, stats);
        } else if (reply) {
            if (replies++ == replies_per_turn) return suspend_with_input(wants::yield, buffer);
            if (mode_ == io_mode::readiness) sent(connection_.write_some(unsent()), stats);
            if (step_) return suspend_with_input(wants::write, buffer);
        } else {
            const bool is_delay = std::holds_alternative<delay>(*step_);
            return suspend_with_input(is_delay ? wants::timer : wants::compute, buffer);
        }
    }
}

/// Fetches the next step. If the session throws, the exception is kept until the replies that it has made are
/// sent.
void nonblocking_driver::next_step() {
    try {
        step_ = session_.next();
    } catch (...) {
        if (!has_batch()) throw;
        batch_->failure = std::current_exception();
    }
    has_finished_ = !step_;
}

/// Copies a reply to the batch. Returns false if it must be sent without a copy: it is partly sent, it is too
/// large for the batch, or no other reply can share its call.
bool nonblocking_driver::add_to_batch(std::string_view reply) {
    if (sent_ != 0 || (!has_batch() && !session_.has_unread_input())) return false;
    if (!batch_) batch_ = std::make_unique<pending>();
    return batch_->add(reply);
}

/// Suspends the session while it still uses its input, so it keeps the buffer.
nonblocking_driver::wants nonblocking_driver::suspend_with_input(wants reason,
                                                                 std::unique_ptr<read_buffer>& buffer) {
    if (!input_) input_ = std::move(buffer);
    return reason;
}

void nonblocking_driver::feed(std::string_view bytes, slot& stats, bool has_more) {
    stats.bytes_in.add(bytes.size());
    session_.feed(bytes);
    has_read_ = !has_more;
    saw_eof_ = bytes.empty();
    step_ = nullptr;
}

void nonblocking_driver::sent(std::size_t count, slot& stats) {
    stats.bytes_out.add(count);
    sent_ += count;
    if (!unsent().empty()) return;
    sent_ = 0;
    if (has_batch()) {
        stats.requests.add(batch_->replies());
        batch_->clear();
    } else {
        stats.requests.add(1);
        step_ = nullptr;
    }
}

} // namespace parley
