/* An echo server on libevent's buffered events, as its documentation builds one: a peer for parley's loops. */
#include "listen.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

static void echo(struct bufferevent* peer, void* unused) {
    (void)unused;
    evbuffer_add_buffer(bufferevent_get_output(peer), bufferevent_get_input(peer));
}

static void farewell(struct bufferevent* peer, short what, void* unused) {
    (void)unused;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(peer);
}

static void welcome(struct evconnlistener* door, evutil_socket_t socket, struct sockaddr* from, int size,
                    void* loop) {
    (void)door;
    (void)from;
    (void)size;
    struct bufferevent* peer = bufferevent_socket_new(loop, socket, BEV_OPT_CLOSE_ON_FREE);
    if (!peer) die("bufferevent_socket_new");
    bufferevent_setcb(peer, echo, NULL, farewell, NULL);
    bufferevent_enable(peer, EV_READ | EV_WRITE);
}

int main(int argc, char** argv) {
    struct event_base* loop = event_base_new();
    const int door = listen_on_loopback(argc, argv, SOCK_NONBLOCK);
    if (!loop || !evconnlistener_new(loop, welcome, loop, 0, -1, door)) die("evconnlistener_new");
    return event_base_dispatch(loop);
}
