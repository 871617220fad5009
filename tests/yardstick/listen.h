/* What the yardsticks share, so that each shows its loop alone: a listening socket on loopback, a ready line,
 * and an exit status of 0 for whoever sends SIGTERM. */
#pragma once

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { buffer_size = 16 * 1024 }; /* as large as parley's own */

static inline void die(const char* call) {
    perror(call);
    exit(1);
}

static void leave(int signal_number) {
    (void)signal_number;
    _exit(0);
}

/* Listens on 127.0.0.1, on the port that the first argument names or on a free one, and says where.
 * The flags are those of socket(2): SOCK_NONBLOCK or none. */
static inline int listen_on_loopback(int argc, char** argv, int flags) {
    signal(SIGTERM, leave);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)(argc > 1 ? atoi(argv[1]) : 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (door == -1) die("socket");
    const int yes = 1;
    if (setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1) die("setsockopt");
    if (bind(door, (struct sockaddr*)&address, size) == -1) die("bind");
    if (listen(door, SOMAXCONN) == -1) die("listen");
    if (getsockname(door, (struct sockaddr*)&address, &size) == -1) die("getsockname");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return door;
}
