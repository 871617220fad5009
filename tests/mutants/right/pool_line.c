// Four threads that take clients from a queue, and close idle ones. profile: line
// options: --model pool --pool-size 4 --idle-time 2
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { line_limit = 16384, workers = 4, places = 64 };

static int queue[places];
static int first, waiting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_client = PTHREAD_COND_INITIALIZER, has_place = PTHREAD_COND_INITIALIZER;

static void put(int fd) {
    pthread_mutex_lock(&lock);
    while (waiting == places) pthread_cond_wait(&has_place, &lock);
    queue[(first + waiting++) % places] = fd;
    pthread_cond_signal(&has_client);
    pthread_mutex_unlock(&lock);
}

static int take(void) {
    pthread_mutex_lock(&lock);
    while (waiting == 0) pthread_cond_wait(&has_client, &lock);
    const int fd = queue[first];
    first = (first + 1) % places;
    --waiting;
    pthread_cond_signal(&has_place);
    pthread_mutex_unlock(&lock);
    return fd;
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

static void serve(int fd) {
    const struct timeval idle_time = {.tv_sec = 2};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle_time, sizeof idle_time);
    char buffer[line_limit];
    size_t used = 0;
    while (used < sizeof buffer) {
        const ssize_t count = recv(fd, buffer + used, sizeof buffer - used, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        used += (size_t)count;
        char* end;
        while ((end = memchr(buffer, '\n', used)) != NULL) {
            const size_t size = (size_t)(end - buffer) + 1;
            if (send_all(fd, buffer, size) != 0) goto out;
            used -= size;
            memmove(buffer, buffer + size, used);
        }
    }
out:
    close(fd);
}

static void* work(void* argument) {
    (void)argument;
    for (;;) serve(take());
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
    for (int i = 0; i < workers; ++i) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0) {
            perror("pthread_create");
            return 1;
        }
    }
    for (;;) {
        const int client = accept(listener, NULL, NULL);
        if (client >= 0)
            put(client);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            usleep(50000);
    }
}
