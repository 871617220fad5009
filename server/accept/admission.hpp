// Admission of new clients: a client that cannot be set up (no memory, no descriptor) is dropped, and the
// server keeps running. A short lack of memory must not end it.
#pragma once

#include "common/log.hpp"

#include <exception>

namespace parley {

class admission {
public:
    /// Calls `begin()`, which sets up a client. Returns false if that throws: the client's connection is then
    /// closed by the destructors of what `begin` owns.
    template <class Begin>
    bool try_admit(Begin begin) {
        try {
            begin();
            return true;
        } catch (const std::exception& error) {
            report(error);
            return false;
        }
    }

    /// Logs, at most once a second, why a client was dropped.
    void report(const std::exception& reason) noexcept {
        if (should_log_()) log::warn("{}: a client is lost", reason.what());
    }

private:
    once_a_second should_log_;
};

} // namespace parley
