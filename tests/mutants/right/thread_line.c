// A thread per connection, and a buffer per thread. profile: line
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { line_limit = 16384 };

// A handler without SA_RESTART: recv(2) and accept(2) can fail with EINTR.
static void on_usr1(int number) { (void)number; }

static int send_all(int fd, const char* bytes, size_t size) {
    while (size > 0) {
        const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return -1;
        bytes += sent;
        size -= (size_t)sent;
    }
    return 0;
}

// Sends each whole line of the buffer back. Returns how many bytes are left.
static ssize_t reply_to_lines(int fd, char* buffer, size_t used) {
    char* end;
    while ((end = memchr(buffer, '\n', used)) != NULL) {
        const size_t size = (size_t)(end - buffer) + 1;
        if (send_all(fd, buffer, size) != 0) return -1;
        used -= size;
        memmove(buffer, buffer + size, used);
    }
    return (ssize_t)used;
}

static void* serve(void* argument) {
    const int fd = (int)(intptr_t)argument;
    char buffer[line_limit];
    size_t used = 0;
    while (used < sizeof buffer) {
        const ssize_t count = recv(fd, buffer + used, sizeof buffer - used, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        const ssize_t left = reply_to_lines(fd, buffer, used + (size_t)count);
        if (left < 0) break;
        used = (size_t)left;
    }
    close(fd);
    return NULL;
}

int main(int count, char** words) {
    struct sigaction action = {.sa_handler = on_usr1};
    sigaction(SIGUSR1, &action, NULL);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[count - 1]))};
    address.sin_addr.s_addr = inet_addr("127.0.0.1");
    if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, SOMAXCONN) != 0) {
        perror("bind");
        return 1;
    }
    for (;;) {
        const int client = accept(listener, NULL, NULL);
        if (client < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) usleep(50000);
            continue;
        }
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void*)(intptr_t)client) != 0) {
            close(client);
            continue;
        }
        pthread_detach(thread);
    }
}
