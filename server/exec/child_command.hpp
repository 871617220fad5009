// A program that is started once for each connection, with the socket as its standard input and output, as
// inetd does it. It is started by vfork(2): nothing of our memory is copied for a child that will not need it.
#pragma once

#include "common/net/connection.hpp"

#include <atomic>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

namespace parley {

/// The file that execvp(3) would run. Throws std::system_error where there is none, or where we may not run it.
std::string find_program(const std::string& name);

class command {
public:
    /// The program's name, as find_program() takes it, and its arguments; no shell reads them. Takes what
    /// programs may know of our environment (PATH, HOME, LANG, LC_ALL, TZ), and the signals to be reset, as
    /// they are now; makes every descriptor but standard input, output and error close-on-exec. Throws as
    /// find_program() does.
    explicit command(std::vector<std::string> words);

    /// Starts it in a process group of its own (a session of its own, setsid(2), would cost as much as all the
    /// rest where the scheduler groups by sessions). It gets no descriptor but standard input, output (both
    /// `connection`, which stays open here, too) and error, no signal is blocked or ignored, and UCSPI's
    /// variables tell it with whom it talks: PROTO (TCP, TCP6, UNIX), TCPREMOTEIP ... Returns its process, a
    /// child of ours; -1 and errno: none is to be had. Where the program cannot be run any more, that is
    /// logged, and the process ends with status 127.
    pid_t start(const connection& connection);

private:
    std::vector<std::string> words_;
    std::string path_;
    std::vector<std::string> variables_; // NAME=VALUE
    std::vector<int> signals_;           // those that are not as a program expects them
    rlimit descriptors_{};
    std::atomic<int> failure_{0}; // errno of the last execve(2), written by the child, in our memory
};

} // namespace parley
