/* Baseline for parley's blocking models: a thread per connection, with a plain loop of recv(2) and send(2). The
 * difference to `parley-server --model thread` is the cost of the session. */
#define _GNU_SOURCE
#include "listen.h"

#include <pthread.h>
#include <stdint.h>

static int send_all(int socket, const char* bytes, ssize_t size) {
    for (ssize_t sent = 0, count; sent < size; sent += count)
        if ((count = send(socket, bytes + sent, (size_t)(size - sent), 0)) == -1) return -1;
    return 0;
}

static void* echo(void* argument) {
    const int socket = (int)(intptr_t)argument;
    char bytes[buffer_size];
    ssize_t size;
    while ((size = recv(socket, bytes, sizeof bytes, 0)) > 0)
        if (send_all(socket, bytes, size) == -1) break;
    close(socket);
    return NULL;
}

int main(int argc, char** argv) {
    const int listener = listen_on_loopback(argc, argv, 0);
    for (;;) {
        const int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_t thread;
        if (socket == -1) die("accept4");
        if (pthread_create(&thread, NULL, echo, (void*)(intptr_t)socket) != 0) die("pthread_create");
        pthread_detach(thread);
    }
}
