// The four steps of a session, each as far as it goes now.
#include "common/session/nonblocking_driver.hpp"

namespace parley {

nonblocking_driver::waits_for nonblocking_driver::go_on(std::unique_ptr<input_area>& spare, slot& notes) {
    for (unsigned replies = 0;;) {
        if (!step_ && !has_finished_) next_step();
        const auto* const reply = step_ ? std::get_if<output>(step_) : nullptr;
        if (reply && replies < replies_per_turn && add_to_batch(reply->bytes)) {
            ++replies;
            step_ = nullptr;
            continue;
        }
        if (has_batch()) {
            if (mode_ == transfer::by_driver) sent(wire_.write_some(unsent()), notes);
            if (has_batch()) return wait_with_input(waits_for::room, spare);
        }
        if (!step_) {
            if (batch_ && batch_->failure) std::rethrow_exception(batch_->failure);
            return waits_for::nothing;
        }
        if (std::holds_alternative<need_input>(*step_)) {
            batch_.reset();
            if (input_) spare = std::move(input_);
            if (std::exchange(has_read_, false) || mode_ == transfer::by_loop) return waits_for::input;
            if (!spare) spare = std::make_unique_for_overwrite<input_area>();
            const auto bytes = wire_.read_some(*spare);
            if (!bytes) return waits_for::input;
            feed(*bytes, notes);
        } else if (reply) {
            if (replies++ == replies_per_turn) return wait_with_input(waits_for::others, spare);
            if (mode_ == transfer::by_driver) sent(wire_.write_some(unsent()), notes);
            if (step_) return wait_with_input(waits_for::room, spare);
        } else {
            const bool pausing = std::holds_alternative<delay>(*step_);
            return wait_with_input(pausing ? waits_for::time : waits_for::work, spare);
        }
    }
}

/// What the session throws comes after the replies that it has made.
void nonblocking_driver::next_step() {
    try {
        step_ = talk_.next();
    } catch (...) {
        if (!has_batch()) throw;
        batch_->failure = std::current_exception();
    }
    has_finished_ = !step_;
}

/// Returns false if the reply is to be sent as it is: no other is there to share a call with.
bool nonblocking_driver::add_to_batch(std::string_view reply) {
    if (sent_ != 0 || (!has_batch() && !talk_.has_unread_input())) return false;
    if (!batch_) batch_ = std::make_unique<pending>();
    return batch_->add(reply);
}

nonblocking_driver::waits_for nonblocking_driver::wait_with_input(waits_for what,
                                                                  std::unique_ptr<input_area>& spare) {
    if (!input_) input_ = std::move(spare);
    return what;
}

void nonblocking_driver::feed(std::string_view bytes, slot& notes, bool more_there) {
    notes.bytes_in.add(bytes.size());
    talk_.feed(bytes);
    has_read_ = !more_there;
    heard_end_ = bytes.empty();
    step_ = nullptr;
}

void nonblocking_driver::sent(std::size_t count, slot& notes) {
    notes.bytes_out.add(count);
    sent_ += count;
    if (!unsent().empty()) return;
    sent_ = 0;
    if (has_batch()) {
        notes.requests.add(batch_->replies());
        batch_->clear();
    } else {
        notes.requests.add(1);
        step_ = nullptr;
    }
}

} // namespace parley
