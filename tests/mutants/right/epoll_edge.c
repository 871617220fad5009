// Edge-triggered epoll(7): whatever is ready is done until EAGAIN. A client that does not read its replies is
// read no further. profile: echo
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    char buffer[4096];
    size_t begin, end; // received, and not sent yet
};

static int epoll;

static void drop(struct client* client) {
    close(client->fd);
    free(client);
}

// Echoes until the client has no more to send, or does not read. Returns -1 if it has left.
static int echo(struct client* client) {
    for (;;) {
        while (client->begin < client->end) {
            const ssize_t sent =
                send(client->fd, client->buffer + client->begin, client->end - client->begin, MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0) return errno == EAGAIN ? 0 : -1;
            client->begin += (size_t)sent;
        }
        client->begin = client->end = 0;
        const ssize_t received = recv(client->fd, client->buffer, sizeof client->buffer, 0);
        if (received < 0 && errno == EINTR) continue;
        if (received < 0) return errno == EAGAIN ? 0 : -1;
        if (received == 0) return -1;
        client->end = (size_t)received;
    }
}

// Returns 0 when no connection is pending, or -1 if there is no descriptor for it.
static int accept_all(int listener) {
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) return -1;
        if (fd < 0 && errno != EAGAIN) continue; // aborted, or interrupted
        if (fd < 0) return 0;
        struct client* const client = calloc(1, sizeof *client);
        if (!client) {
            close(fd);
            continue;
        }
        fcntl(fd, F_SETFL, O_NONBLOCK);
        client->fd = fd;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) drop(client);
    }
}

int main(int count, char** words) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[count - 1]))};
    address.sin_addr.s_addr = inet_addr("127.0.0.1");
    if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, SOMAXCONN) != 0) {
        perror("bind");
        return 1;
    }
    fcntl(listener, F_SETFL, O_NONBLOCK);
    epoll = epoll_create1(0);
    struct epoll_event of_listener = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &of_listener);
    int has_pending = 0;
    for (;;) {
        struct epoll_event events[64];
        const int ready = epoll_wait(epoll, events, 64, has_pending ? 50 : -1);
        for (int i = 0; i < ready; ++i) {
            struct client* const client = events[i].data.ptr;
            if (!client)
                has_pending = 1;
            else if (echo(client) != 0)
                drop(client);
        }
        if (has_pending) has_pending = accept_all(listener) != 0;
    }
}
