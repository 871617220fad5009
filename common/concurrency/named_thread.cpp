#include "common/concurrency/named_thread.hpp"

#include <array>
#include <pthread.h>
#include <stdexcept>
#include <unistd.h>

namespace parley {

/// The kernel calls the first thread as the program, and ps(1) shows that; so it is not renamed. Its id is that
/// of the process (gettid(2)), also in a child of fork(2).
std::string this_thread_name() {
    if (gettid() == getpid()) return "MainThread";
    std::array<char, named_thread::max_name + 1> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    return name.data();
}

const std::string& named_thread::checked(const std::string& name) {
    if (name.empty() || name.size() > max_name)
        throw std::invalid_argument("thread name '" + name + "': write 1 to " + std::to_string(max_name) +
                                    " bytes");
    return name;
}

void named_thread::set_name(const std::string& name) { pthread_setname_np(pthread_self(), name.c_str()); }

} // namespace parley
