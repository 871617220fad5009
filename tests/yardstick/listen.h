/* Common parts of the baselines, so that each file shows only its loop: a listening socket on loopback, a ready
 * line, and exit status 0 on SIGTERM. */
#pragma once

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { buffer_size = 16 * 1024 }; /* as large as parley's read_buffer */

static inline void die(const char* call) {
    perror(call);
    exit(1);
}

static void leave(int signal_number) {
    (void)signal_number;
    _exit(0);
}

/* Listens on 127.0.0.1, at the port in the first argument or at a free one, and prints the ready line.
 * `flags` as for socket(2): SOCK_NONBLOCK or 0. */
static inline int listen_on_loopback(int argc, char** argv, int flags) {
    signal(SIGTERM, leave);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)(argc > 1 ? atoi(argv[1]) : 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (listener == -1) die("socket");
    const int on = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1) die("setsockopt");
    if (bind(listener, (struct sockaddr*)&address, size) == -1) die("bind");
    if (listen(listener, SOMAXCONN) == -1) die("listen");
    if (getsockname(listener, (struct sockaddr*)&address, &size) == -1) die("getsockname");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}
