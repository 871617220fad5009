// A std::jthread with a name, which gdb, top(1) and `ps -L -o comm` show: pthread_setname_np(3). Logs and
// reports that name their thread are easier to read than those with a number.
#pragma once

#include <concepts>
#include <cstddef>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

namespace parley {

/// Returns the name of the calling thread: "MainThread" for the first thread of the process. A thread that was
/// not given a name has that of the thread that started it.
std::string this_thread_name();

class named_thread : public std::jthread {
public:
    /// Linux keeps 15 bytes of a name, and a zero.
    static constexpr std::size_t max_name = 15;

    /// No thread.
    named_thread() = default;

    /// Starts a thread that calls `function()`, or `function(stop_token)`. Throws std::invalid_argument if the
    /// name is empty or longer than max_name, and std::system_error if the system has no thread left.
    template <class Function>
    named_thread(const std::string& name, Function function)
        : std::jthread{[name = checked(name), function = std::move(function)](std::stop_token stop) mutable {
              set_name(name);
              if constexpr (std::invocable<Function&, std::stop_token>)
                  function(std::move(stop));
              else
                  function();
          }} {}

private:
    static const std::string& checked(const std::string& name);
    static void set_name(const std::string& name);
};

} // namespace parley
