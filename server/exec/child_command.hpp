// Starts a program for a connection, with the socket as its standard input and output, as inetd(8) does.
//
// It uses vfork(2), not fork(2): nothing of the server's memory is copied for a child that replaces it at once.
// The price is that the child runs in the server's memory until execve(2). See begin() in child_command.cpp.
#pragma once

#include "common/net/connection.hpp"

#include <atomic>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

namespace parley {

/// Returns the file that execvp(3) would run. Throws std::system_error if there is none, or if this user may
/// not run it.
std::string find_program(const std::string& name);

class command {
public:
    /// `words`: the program, as find_program() takes it, and its arguments; no shell reads them.
    ///
    /// Records, as they are now, the environment variables that the program gets (PATH, HOME, LANG, LC_ALL, TZ)
    /// and the signals that are to be reset in it. Makes every descriptor but standard input, output and error
    /// close-on-exec. Throws as find_program() does.
    explicit command(std::vector<std::string> words);

    /// Starts the program. Its standard input and output are `connection`, which stays open in this process,
    /// too; its standard error is the server's; it has no other descriptor. No signal is blocked or ignored.
    /// Variables of UCSPI describe the connection: PROTO (TCP, TCP6, UNIX), TCPREMOTEIP ...
    ///
    /// It gets a process group of its own, by which it can be ended together with what it starts. (Not a
    /// session of its own: if the scheduler groups by sessions, setsid(2) costs as much as all the rest.)
    ///
    /// Returns the process, a child of this one; or -1, with errno, if no process can be created. If the
    /// program cannot be executed any more, that is logged, and the process ends with status 127.
    pid_t start(const connection& connection);

private:
    std::vector<std::string> words_;
    std::string path_;
    std::vector<std::string> variables_; // NAME=VALUE
    std::vector<int> signals_;           // those that do not have their default action
    rlimit descriptors_{};
    std::atomic<int> exec_error_{0}; // errno of the last execve(2), written by the child, in this memory
};

} // namespace parley
