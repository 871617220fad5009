// The four steps of a session, each as far as it goes now.
#include "common/nonblocking_driver.hpp"

namespace parley {

nonblocking_driver::waits_for nonblocking_driver::go_on(std::unique_ptr<input_area>& spare, slot& notes) {
    for (;;) {
        if (!step_) {
            step_ = talk_.next();
            if (!step_) return waits_for::nothing;
            sent_ = 0;
        }
        if (std::holds_alternative<need_input>(*step_)) {
            if (input_) spare = std::move(input_);
            if (std::exchange(has_read_, false) || mode_ == transfer::by_loop) return waits_for::input;
            if (!spare) spare = std::make_unique_for_overwrite<input_area>();
            const auto bytes = wire_.read_some(*spare);
            if (!bytes) return waits_for::input;
            feed(*bytes, notes);
        } else if (std::holds_alternative<output>(*step_)) {
            if (mode_ == transfer::by_driver) sent(wire_.write_some(unsent()), notes);
            if (step_) return wait_with_input(waits_for::room, spare);
        } else {
            const bool pausing = std::holds_alternative<delay>(*step_);
            return wait_with_input(pausing ? waits_for::time : waits_for::work, spare);
        }
    }
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
    notes.requests.add(1);
    step_ = nullptr;
}

} // namespace parley
