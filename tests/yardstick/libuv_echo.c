/* An echo server on libuv's streams, written as its guide shows: a third-party event loop for comparison. */
#include "listen.h"

#include <uv.h>

static void allocate_buffer(uv_handle_t* peer, size_t wanted, uv_buf_t* buffer) {
    (void)peer;
    (void)wanted;
    *buffer = uv_buf_init(malloc(buffer_size), buffer_size);
}

static void free_handle(uv_handle_t* peer) { free(peer); }

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
    if (size < 0) uv_close((uv_handle_t*)peer, free_handle);
}

static void accept_client(uv_stream_t* listener, int status) {
    if (status < 0) return;
    uv_tcp_t* peer = malloc(sizeof *peer);
    uv_tcp_init(listener->loop, peer);
    if (uv_accept(listener, (uv_stream_t*)peer) == 0)
        uv_read_start((uv_stream_t*)peer, allocate_buffer, echo);
    else
        uv_close((uv_handle_t*)peer, free_handle);
}

int main(int argc, char** argv) {
    uv_tcp_t listener;
    uv_tcp_init(uv_default_loop(), &listener);
    uv_tcp_open(&listener, listen_on_loopback(argc, argv, SOCK_NONBLOCK));
    if (uv_listen((uv_stream_t*)&listener, SOMAXCONN, accept_client) != 0) die("uv_listen");
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
