// A loop around poll(2), and a buffer per client. A client that does not read its replies is read no further.
// profile: line
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { line_limit = 16384, clients = 4096 };

struct client {
    char* buffer;   // of line_limit bytes
    size_t used;    // bytes in it
    size_t replied; // of these, whole lines that have been sent
};

static struct pollfd polled[clients];
static struct client states[clients];
static int count = 1;

static void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

static void add(int fd) {
    char* const buffer = count < clients ? malloc(line_limit) : NULL;
    if (!buffer) {
        close(fd);
        return;
    }
    set_nonblocking(fd);
    states[count] = (struct client){.buffer = buffer};
    polled[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop(int i) {
    close(polled[i].fd);
    free(states[i].buffer);
    polled[i] = polled[--count];
    states[i] = states[count];
}

// Sends the whole lines. Returns -1 if the client is lost.
static int reply(int i) {
    struct client* const client = &states[i];
    const char* const end = memrchr(client->buffer, '\n', client->used);
    const size_t whole = end ? (size_t)(end - client->buffer) + 1 : 0;
    while (client->replied < whole) {
        const ssize_t sent =
            send(polled[i].fd, client->buffer + client->replied, whole - client->replied, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) return -1;
        client->replied += (size_t)sent;
    }
    client->used -= client->replied;
    memmove(client->buffer, client->buffer + client->replied, client->used);
    polled[i].events = client->replied < whole ? POLLOUT : POLLIN;
    client->replied = 0;
    return 0;
}

// Returns -1 if the client has left.
static int receive(int i) {
    struct client* const client = &states[i];
    const ssize_t received = recv(polled[i].fd, client->buffer + client->used, line_limit - client->used, 0);
    if (received < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (received == 0) return -1;
    client->used += (size_t)received;
    return 0;
}

int main(int argument_count, char** words) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(words[argument_count - 1]))};
    address.sin_addr.s_addr = inet_addr("127.0.0.1");
    if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, SOMAXCONN) != 0) {
        perror("bind");
        return 1;
    }
    set_nonblocking(listener);
    polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (;;) {
        if (poll(polled, (nfds_t)count, -1) < 0) continue;
        for (int i = count - 1; i > 0; --i) {
            const short events = polled[i].revents;
            if (events == 0) continue;
            if ((events & (POLLIN | POLLHUP | POLLERR)) && !(events & POLLOUT) && receive(i) != 0)
                drop(i);
            else if (reply(i) != 0)
                drop(i);
        }
        if (polled[0].revents & POLLIN) {
            const int fd = accept(listener, NULL, NULL);
            if (fd >= 0)
                add(fd);
            else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                usleep(50000);
        }
    }
}
