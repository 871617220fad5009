/* Baseline for parley's process models: a process per connection (fork), or, with a second argument, that many
 * workers that all block in accept(2) (prefork). */
#define _GNU_SOURCE
#include "listen.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void echo(int socket) {
    char bytes[buffer_size];
    ssize_t size;
    while ((size = recv(socket, bytes, sizeof bytes, 0)) > 0)
        for (ssize_t sent = 0, count; sent < size; sent += count)
            if ((count = send(socket, bytes + sent, (size_t)(size - sent), MSG_NOSIGNAL)) == -1) return;
}

static void reap(int signal_number) {
    (void)signal_number;
    const int saved_errno = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = saved_errno;
}

static int accept_client(int listener) {
    for (;;) {
        const int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (socket != -1) return socket;
        if (errno != EINTR && errno != ECONNABORTED) die("accept4");
    }
}

static void fork_for_each(int listener) {
    signal(SIGCHLD, reap);
    for (;;) {
        const int socket = accept_client(listener);
        const pid_t child = fork();
        if (child == -1) die("fork");
        if (child == 0) {
            close(listener);
            echo(socket);
            _exit(0);
        }
        close(socket);
    }
}

/* Stops the workers and reaps them, so that their CPU time counts for this process (getrusage(2)). */
static void leave_with_workers(int signal_number) {
    (void)signal_number;
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (waitpid(-1, NULL, 0) > 0) {
    }
    _exit(0);
}

static void prefork(int listener, int workers) {
    setpgid(0, 0); /* so that kill(0) reaches only this group */
    for (int i = 0; i < workers; ++i) {
        const pid_t child = fork();
        if (child == -1) die("fork");
        if (child != 0) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            const int socket = accept_client(listener);
            echo(socket);
            close(socket);
        }
    }
    signal(SIGTERM, leave_with_workers);
    for (;;) pause();
}

int main(int argc, char** argv) {
    const int listener = listen_on_loopback(argc, argv, 0);
    const int workers = argc > 2 ? atoi(argv[2]) : 0;
    if (workers > 0)
        prefork(listener, workers);
    else
        fork_for_each(listener);
}
