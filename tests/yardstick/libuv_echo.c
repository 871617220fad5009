/* An echo server on libuv's streams, as its guide builds one: a peer for parley's loops. */
#include "listen.h"

#include <uv.h>

static void make_room(uv_handle_t* peer, size_t wanted, uv_buf_t* room) {
    (void)peer;
    (void)wanted;
    *room = uv_buf_init(malloc(buffer_size), buffer_size);
}

static void forget(uv_handle_t* peer) { free(peer); }

static void written(uv_write_t* request, int status) {
    (void)status;
    free(request->data);
    free(request);
}

static void echo(uv_stream_t* peer, ssize_t size, const uv_buf_t* bytes) {
    if (size > 0) {
        uv_write_t* request = malloc(sizeof *request);
        uv_buf_t out = uv_buf_init(bytes->base, (unsigned)size);
        request->data = bytes->base;
        uv_write(request, peer, &out, 1, written);
        return;
    }
    free(bytes->base);
    if (size < 0) uv_close((uv_handle_t*)peer, forget);
}

static void welcome(uv_stream_t* door, int status) {
    if (status < 0) return;
    uv_tcp_t* peer = malloc(sizeof *peer);
    uv_tcp_init(door->loop, peer);
    if (uv_accept(door, (uv_stream_t*)peer) == 0)
        uv_read_start((uv_stream_t*)peer, make_room, echo);
    else
        uv_close((uv_handle_t*)peer, forget);
}

int main(int argc, char** argv) {
    uv_tcp_t door;
    uv_tcp_init(uv_default_loop(), &door);
    uv_tcp_open(&door, listen_on_loopback(argc, argv, SOCK_NONBLOCK));
    if (uv_listen((uv_stream_t*)&door, SOMAXCONN, welcome) != 0) die("uv_listen");
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
