// One counter for all clients, each served by a thread. profile: counter
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long counter;

static unsigned long next_number(void) {
    pthread_mutex_lock(&lock);
    const unsigned long number = counter + 1;
    counter = number;
    pthread_mutex_unlock(&lock);
    return number;
}

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

static void* serve(void* argument) {
    const int fd = (int)(intptr_t)argument;
    char bytes[4096];
    for (;;) {
        const ssize_t count = recv(fd, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        int is_lost = 0;
        for (ssize_t i = 0; i < count && !is_lost; ++i) {
            if (bytes[i] != '\n') continue;
            char reply[32];
            const int size = snprintf(reply, sizeof reply, "%lu\n", next_number());
            is_lost = send_all(fd, reply, (size_t)size) != 0;
        }
        if (is_lost) break;
    }
    close(fd);
    return NULL;
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
    for (;;) {
        const int client = accept(listener, NULL, NULL);
        if (client < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) usleep(50000);
            continue;
        }
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void*)(intptr_t)client) != 0)
            close(client);
        else
            pthread_detach(thread);
    }
}
