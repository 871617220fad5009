/* An echo server on libevent's buffered events, written as its documentation shows: a third-party event loop
 * for comparison. */
#include "listen.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

static void echo(struct bufferevent* peer, void* unused) {
    (void)unused;
    evbuffer_add_buffer(bufferevent_get_output(peer), bufferevent_get_input(peer));
}

static void close_client(struct bufferevent* peer, short what, void* unused) {
    (void)unused;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(peer);
}

static void accept_client(struct evconnlistener* listener, evutil_socket_t socket, struct sockaddr* from,
                          int size, void* loop) {
    (void)listener;
    (void)from;
    (void)size;
    struct bufferevent* peer = bufferevent_socket_new(loop, socket, BEV_OPT_CLOSE_ON_FREE);
    if (!peer) die("bufferevent_socket_new");
    bufferevent_setcb(peer, echo, NULL, close_client, NULL);
    bufferevent_enable(peer, EV_READ | EV_WRITE);
}

int main(int argc, char** argv) {
    struct event_base* loop = event_base_new();
    const int listener = listen_on_loopback(argc, argv, SOCK_NONBLOCK);
    if (!loop || !evconnlistener_new(loop, accept_client, loop, 0, -1, listener)) die("evconnlistener_new");
    return event_base_dispatch(loop);
}
