/* Baseline for parley's event-driven models: a hand-written, level-triggered epoll(7) echo server with only
 * what an echo needs. While a client does not read, the server does not read from it: the client's bytes wait
 * in its buffer until they are sent. */
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

static void accept_client(int loop, int listener) {
    const int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket == -1 && (errno == EAGAIN || errno == ECONNABORTED))
        return; /* closed by its peer before the accept */
    if (socket == -1) die("accept4");
    struct client* client = malloc(sizeof *client);
    if (!client) die("malloc");
    client->socket = socket;
    client->sent = client->size = 0;
    watch(loop, EPOLL_CTL_ADD, socket, EPOLLIN, client);
}

static void close_client(struct client* client) {
    close(client->socket); /* also removes it from the epoll instance (epoll(7)) */
    free(client);
}

static void echo(int loop, struct client* client) {
    const int was_full = client->sent < client->size;
    if (!was_full) {
        client->sent = 0;
        client->size = recv(client->socket, client->bytes, sizeof client->bytes, 0);
        if (client->size == -1 && errno == EAGAIN) return;
        if (client->size <= 0) {
            close_client(client);
            return;
        }
#ifdef REPLY /* a fixed HTTP reply instead of an echo (CMakeLists.txt) */
        client->size = sizeof REPLY - 1;
        memcpy(client->bytes, REPLY, sizeof REPLY - 1);
#endif
    }
    const ssize_t count =
        send(client->socket, client->bytes + client->sent, (size_t)(client->size - client->sent), 0);
    if (count == -1 && errno != EAGAIN) {
        close_client(client);
        return;
    }
    if (count > 0) client->sent += count;
    const int is_full = client->sent < client->size;
    if (is_full != was_full) watch(loop, EPOLL_CTL_MOD, client->socket, is_full ? EPOLLOUT : EPOLLIN, client);
}

int main(int argc, char** argv) {
    const int loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop == -1) die("epoll_create1");
    const int listener = listen_on_loopback(argc, argv, SOCK_NONBLOCK);
    watch(loop, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event ready[64];
        const int count = epoll_wait(loop, ready, 64, -1);
        if (count == -1 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < count; ++i) {
            if (ready[i].data.ptr)
                echo(loop, ready[i].data.ptr);
            else
                accept_client(loop, listener);
        }
    }
}
