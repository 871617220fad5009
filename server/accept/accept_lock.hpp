// Whose turn it is to accept: the locks round accept(2) that Stevens compares, for processes and threads.
#pragma once

#include "common/concurrency/locked.hpp"
#include "common/concurrency/shared_memory.hpp"
#include "common/net/listener.hpp"
#include "server/model.hpp"

#include <optional>

namespace parley {

class accept_lock {
public:
    /// `by`: each (no lock), file_lock or mutex. To be made before the workers, who share it.
    explicit accept_lock(accept_strategy strategy);

    /// Waits for its turn and then for a client at `listener`. Nothing: a stop was requested.
    [[nodiscard]] std::optional<connection> accept(listener& listener);

private:
    bool lock_file(short kind) const;

    accept_strategy strategy_;
    shared_memory<shared_mutex> mutex_{"parley-accept-mutex"};
    unique_fd file_;
};

} // namespace parley
