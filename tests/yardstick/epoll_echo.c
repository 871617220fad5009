/* The yardstick for parley's event-driven models: a level-triggered epoll echo server written by hand, with
 * nothing in it that an echo does not need. A client that does not read is not read from: its bytes wait in
 * its own buffer until they are sent. */
#define _GNU_SOURCE
#include "listen.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

struct client {
    int socket;
    ssize_t sent, size; /* bytes[sent..size) still have to go back */
    char bytes[buffer_size];
};

static void watch(int loop, int operation, int socket, uint32_t events, void* data) {
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(loop, operation, socket, &event) == -1) die("epoll_ctl");
}

static void welcome(int loop, int door) {
    const int socket = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket == -1 && (errno == EAGAIN || errno == ECONNABORTED)) return; /* taken back by its peer */
    if (socket == -1) die("accept4");
    struct client* one = malloc(sizeof *one);
    if (!one) die("malloc");
    one->socket = socket;
    one->sent = one->size = 0;
    watch(loop, EPOLL_CTL_ADD, socket, EPOLLIN, one);
}

static void farewell(struct client* one) {
    close(one->socket); /* which takes it out of the loop, too */
    free(one);
}

static void echo(int loop, struct client* one) {
    const int was_full = one->sent < one->size;
    if (!was_full) {
        one->sent = 0;
        one->size = recv(one->socket, one->bytes, sizeof one->bytes, 0);
        if (one->size == -1 && errno == EAGAIN) return;
        if (one->size <= 0) {
            farewell(one);
            return;
        }
#ifdef REPLY /* not an echo, but this: the least of an HTTP server (CMakeLists.txt) */
        one->size = sizeof REPLY - 1;
        memcpy(one->bytes, REPLY, sizeof REPLY - 1);
#endif
    }
    const ssize_t count = send(one->socket, one->bytes + one->sent, (size_t)(one->size - one->sent), 0);
    if (count == -1 && errno != EAGAIN) {
        farewell(one);
        return;
    }
    if (count > 0) one->sent += count;
    const int is_full = one->sent < one->size;
    if (is_full != was_full) watch(loop, EPOLL_CTL_MOD, one->socket, is_full ? EPOLLOUT : EPOLLIN, one);
}

int main(int argc, char** argv) {
    const int loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop == -1) die("epoll_create1");
    const int door = listen_on_loopback(argc, argv, SOCK_NONBLOCK);
    watch(loop, EPOLL_CTL_ADD, door, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event ready[64];
        const int count = epoll_wait(loop, ready, 64, -1);
        if (count == -1 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < count; ++i) {
            if (ready[i].data.ptr)
                echo(loop, ready[i].data.ptr);
            else
                welcome(loop, door);
        }
    }
}
