/* The least that a load generator can do: connections that each send 64 bytes, wait until as many have come,
 * and send again. One epoll loop, no check of what comes, no latency, no report but one line. parley-load is
 * measured against it (scripts/load-bench).
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
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int connect_to(int port) {
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((in_port_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made == -1) die("socket");
    const int yes = 1;
    if (setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == -1) die("setsockopt");
    if (connect(made, (struct sockaddr*)&to, sizeof to) == -1) die("connect");
    return made;
}

static int sockets[most_connections], missing[most_connections];    /* bytes that are still to come */
static int waiting[most_connections], first_waiting, waiting_count; /* who may send: a ring */
static int connections;
static char bytes[16 * 1024];

static void ask(int who) {
    if (send(sockets[who], bytes, request_size, MSG_NOSIGNAL) != request_size) die("send");
    missing[who] = request_size;
}

static void wait_in_line(int who) { waiting[(first_waiting + waiting_count++) % connections] = who; }

int main(int argc, char** argv) {
    if (argc < 4)
        return fprintf(stderr, "usage: epoll_load PORT CONNECTIONS SECONDS [REQUESTS_PER_SECOND]\n"), 2;
    connections = atoi(argv[2]);
    if (connections < 1 || connections > most_connections)
        return fprintf(stderr, "1 to 20000 connections\n"), 2;
    const double rate = argc > 4 ? atof(argv[4]) : 0; /* 0: a closed loop */

    const int poll = epoll_create1(EPOLL_CLOEXEC);
    if (poll == -1) die("epoll_create1");
    for (int who = 0; who < connections; ++who) {
        sockets[who] = connect_to(atoi(argv[1]));
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)who};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, sockets[who], &event) == -1) die("epoll_ctl");
    }

    const int64_t begin = now_ns(), end = begin + (int64_t)(atof(argv[3]) * 1e9);
    int64_t answered = 0, sent = 0;
    for (int who = 0; who < connections; ++who) {
        if (rate > 0)
            wait_in_line(who);
        else
            ask(who);
    }
    for (int64_t now = begin; now < end; now = now_ns()) {
        int64_t wait = end - now;
        if (rate > 0) {
            int64_t due;
            while (due = begin + (int64_t)((double)sent * 1e9 / rate), due <= now && waiting_count > 0) {
                ask(waiting[first_waiting]);
                first_waiting = (first_waiting + 1) % connections;
                --waiting_count;
                ++sent;
            }
            if (waiting_count > 0 && due - now < wait) wait = due - now;
        }
        const struct timespec patience = {wait / 1000000000, wait % 1000000000};
        struct epoll_event events[most_events];
        const int count = epoll_pwait2(poll, events, most_events, &patience, NULL);
        if (count == -1 && errno != EINTR) die("epoll_pwait2");
        for (int each = 0; each < count; ++each) {
            const int who = (int)events[each].data.u32;
            const ssize_t came = recv(sockets[who], bytes, sizeof bytes, 0);
            if (came <= 0) die("recv");
            if ((missing[who] -= (int)came) > 0) continue;
            ++answered;
            if (rate > 0)
                wait_in_line(who);
            else
                ask(who);
        }
    }

    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    const double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
                       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    const double seconds = (double)(now_ns() - begin) / 1e9;
    printf("%.0f requests, %.0f a second, %.3f us of CPU each\n", (double)answered, (double)answered / seconds,
           cpu / (double)answered);
    return 0;
}
