// Accept lock: makes worker processes or threads accept one at a time. Stevens compares its variants (UNP vol.
// 1, 30.7 to 30.9); Apache calls it AcceptMutex.
#pragma once

#include "common/concurrency/locked.hpp"
#include "common/concurrency/shared_memory.hpp"
#include "common/net/listener.hpp"
#include "server/model.hpp"

#include <optional>

namespace parley {

class accept_lock {
public:
    /// `strategy`: shared (no lock), file_lock or mutex; reuseport needs no lock either. Create it before the
    /// workers, which share it.
    explicit accept_lock(accept_strategy strategy);

    /// Waits for the lock, and then for a client of `listener`. Returns nullopt if shutdown was requested.
    [[nodiscard]] std::optional<connection> accept(listener& listener);

private:
    bool lock_file(short kind) const;

    accept_strategy strategy_;
    shared_memory<shared_mutex> mutex_{"parley-accept-mutex"};
    unique_fd file_;
};

} // namespace parley
