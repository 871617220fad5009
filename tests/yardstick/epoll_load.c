/* Minimal load generator: connections that each send 64 bytes, wait for as many, and send again. One epoll
 * loop; no check of the bytes, no latency, and a report of one line. It is the baseline for parley-load
 * (scripts/load-bench).
 *
 *     epoll_load PORT CONNECTIONS SECONDS [REQUESTS_PER_SECOND] */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { request_size = 64, most_connections = 20000, most_events = 256 };

static void die(const char* call) {
    perror(call);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int connect_to(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((in_port_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor == -1) die("socket");
    const int on = 1;
    if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1) die("setsockopt");
    if (connect(descriptor, (struct sockaddr*)&address, sizeof address) == -1) die("connect");
    return descriptor;
}

static int sockets[most_connections], missing[most_connections];    /* bytes still to receive */
static int waiting[most_connections], first_waiting, waiting_count; /* ring of idle connections */
static int connections;
static char bytes[16 * 1024];

static void send_request(int connection) {
    if (send(sockets[connection], bytes, request_size, MSG_NOSIGNAL) != request_size) die("send");
    missing[connection] = request_size;
}

static void enqueue(int connection) { waiting[(first_waiting + waiting_count++) % connections] = connection; }

int main(int argc, char** argv) {
    if (argc < 4)
        return fprintf(stderr, "usage: epoll_load PORT CONNECTIONS SECONDS [REQUESTS_PER_SECOND]\n"), 2;
    connections = atoi(argv[2]);
    if (connections < 1 || connections > most_connections)
        return fprintf(stderr, "1 to 20000 connections\n"), 2;
    const double rate = argc > 4 ? atof(argv[4]) : 0; /* 0: a closed loop */

    const int poll = epoll_create1(EPOLL_CLOEXEC);
    if (poll == -1) die("epoll_create1");
    for (int connection = 0; connection < connections; ++connection) {
        sockets[connection] = connect_to(atoi(argv[1]));
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)connection};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, sockets[connection], &event) == -1) die("epoll_ctl");
    }

    const int64_t begin = now_ns(), end = begin + (int64_t)(atof(argv[3]) * 1e9);
    int64_t answered = 0, sent = 0;
    for (int connection = 0; connection < connections; ++connection) {
        if (rate > 0)
            enqueue(connection);
        else
            send_request(connection);
    }
    for (int64_t now = begin; now < end; now = now_ns()) {
        int64_t wait = end - now;
        if (rate > 0) {
            int64_t due;
            while (due = begin + (int64_t)((double)sent * 1e9 / rate), due <= now && waiting_count > 0) {
                send_request(waiting[first_waiting]);
                first_waiting = (first_waiting + 1) % connections;
                --waiting_count;
                ++sent;
            }
            if (waiting_count > 0 && due - now < wait) wait = due - now;
        }
        const struct timespec timeout = {wait / 1000000000, wait % 1000000000};
        struct epoll_event events[most_events];
        const int count = epoll_pwait2(poll, events, most_events, &timeout, NULL);
        if (count == -1 && errno != EINTR) die("epoll_pwait2");
        for (int i = 0; i < count; ++i) {
            const int connection = (int)events[i].data.u32;
            const ssize_t received = recv(sockets[connection], bytes, sizeof bytes, 0);
            if (received <= 0) die("recv");
            if ((missing[connection] -= (int)received) > 0) continue;
            ++answered;
            if (rate > 0)
                enqueue(connection);
            else
                send_request(connection);
        }
    }

    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    const double seconds = (double)(now_ns() - begin) / 1e9;
    printf("%.0f requests, %.0f a second, %.3f us of CPU each\n", (double)answered, (double)answered / seconds,
           cpu / (double)answered);
    return 0;
}
