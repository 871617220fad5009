// Where clients are let in: what one of them needs, and cannot have, is that client's loss alone. A server must
// not end because the memory was short for a moment.
#pragma once

#include "common/log.hpp"

#include <exception>

namespace parley {

class admission {
public:
    /// Calls `begin()`, which takes a client in and throws where it cannot: then the client's connection is
    /// closed with what `begin` owns. False: so it was.
    template <class Begin>
    bool admit(Begin begin) {
        try {
            begin();
            return true;
        } catch (const std::exception& error) {
            complain(error);
            return false;
        }
    }

    /// Says, once a second at most, what a client was lost for.
    void complain(const std::exception& reason) noexcept {
        if (complain_()) log::warn("{}: a client is lost", reason.what());
    }

private:
    once_a_second complain_;
};

} // namespace parley
