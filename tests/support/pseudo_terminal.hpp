// A pseudo-terminal (pty(7)) on which a program runs, so that a test can type and read its output.
#pragma once

#include "common/check.hpp"
#include "common/process/subprocess.hpp"
#include "tests/support/test_client.hpp"

#include <chrono>
#include <cstring>
#include <poll.h>
#include <pty.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <utmp.h>
#include <vector>

namespace parley {

class pseudo_terminal {
public:
    pseudo_terminal(unsigned short rows, unsigned short columns) {
        const winsize size{rows, columns, 0, 0};
        int master = -1, slave = -1;
        check("openpty", [&] { return openpty(&master, &slave, nullptr, nullptr, &size); });
        master_.reset(master);
        slave_.reset(slave);
    }
    ~pseudo_terminal() {
        if (program_ > 0) kill(program_, SIGKILL), waitpid(program_, nullptr, 0);
    }
    pseudo_terminal(const pseudo_terminal&) = delete;
    pseudo_terminal& operator=(const pseudo_terminal&) = delete;

    /// Starts the program with this terminal as its controlling terminal; TERM is xterm.
    void start(std::vector<std::string> command) {
        std::vector<char*> arguments;
        for (auto& argument : command) arguments.push_back(argument.data());
        arguments.push_back(nullptr);
        program_ = check("fork", fork);
        if (program_ > 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("TERM", "xterm", 1);
        login_tty(slave_.get());
        execv(arguments[0], arguments.data());
        _exit(127);
    }

    void type(std::string_view keys) {
        check("write", [&] { return write(master_.get(), keys.data(), keys.size()); });
    }

    void resize(unsigned short rows, unsigned short columns) {
        const winsize size{rows, columns, 0, 0};
        check("ioctl", [&] { return ioctl(master_.get(), TIOCSWINSZ, &size); });
    }

    /// Waits until the program has written `text` without a break. Returns false if that takes longer than
    /// `time_limit`.
    bool shows(std::string_view text) {
        const auto deadline = std::chrono::steady_clock::now() + time_limit;
        while (!has_shown(text)) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            read_some(std::chrono::milliseconds{100});
        }
        return true;
    }
    [[nodiscard]] bool has_shown(std::string_view text) const { return shown_.find(text) != std::string::npos; }

    /// Waits for the program to end, and reads its output until then.
    std::string end() {
        const auto deadline = std::chrono::steady_clock::now() + time_limit;
        process_end end;
        while (waitpid(program_, &end.status, WNOHANG) == 0) {
            if (std::chrono::steady_clock::now() > deadline) return "it does not end";
            read_some(std::chrono::milliseconds{10});
        }
        program_ = 0;
        read_some({});
        return end.to_string();
    }

    /// Returns the terminal's settings (termios(3)), to compare them before and after.
    [[nodiscard]] std::string settings() const {
        termios attributes{};
        tcgetattr(slave_.get(), &attributes);
        return {reinterpret_cast<const char*>(&attributes), sizeof attributes};
    }

private:
    void read_some(std::chrono::milliseconds limit) {
        pollfd readable{.fd = master_.get(), .events = POLLIN, .revents = 0};
        char part[4096];
        while (poll(&readable, 1, static_cast<int>(limit.count())) > 0) {
            const auto count = read(master_.get(), part, sizeof part);
            if (count <= 0) return;
            shown_.append(part, static_cast<std::size_t>(count));
            limit = {};
        }
    }

    unique_fd master_, slave_; // an open slave keeps the settings after the program's end
    pid_t program_ = 0;
    std::string shown_;
};

} // namespace parley
