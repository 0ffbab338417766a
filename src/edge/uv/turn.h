/* What the files of this folder share of a loop, and the steps of a turn that connections take in
 * it. Nobody outside includes it. */
#ifndef CF_EDGE_UV_TURN_H
#define CF_EDGE_UV_TURN_H

#include "base/buf.h"
#include "edge/uv/loop.h"

enum {
    CF_LOOP_BUFFER = 65536, /* one read(2), and what TLS encrypts in one batch */
    /* What one read can hold and a record that began before it, with room to decrypt the next. */
    CF_LOOP_PLAIN_MAX = 2 * CF_LOOP_BUFFER,
    /* One batch, and answers that OpenSSL gives by itself. A peer that makes it send more without
     * reading any is let go. */
    CF_LOOP_CIPHER_MAX = 2 * CF_LOOP_BUFFER,
    CF_LOOP_READY_MAX = 1024, /* sockets that one turn hears of */
};

struct cf_conn;

struct cf_loop {
    uv_loop_t uv;
    uv_prepare_t turn; /* runs before each poll: the end of a turn */
    uv_timer_t alarm;  /* the only timer handle; it follows the wheel */
    uv_async_t wake;
    uv_poll_t watch; /* of watch_fd, the set of the connections' sockets */
    int watch_fd;
    const struct cf_loop_ops *ops;
    void *context;
    struct cf_wheel wheel;
    cf_ms alarm_at; /* what `alarm` is set to; CF_MS_NEVER: off */
    struct cf_now now;
    bool now_fresh;
    bool running;           /* inside cf_loop_run */
    bool firing;            /* timers are being popped */
    struct cf_list opening; /* connections whose `opened` is due */
    struct cf_list dirty;   /* connections with something to write */
    struct cf_list closed;  /* connections whose `closed` is due */
    uint8_t read_buffer[CF_LOOP_BUFFER];
    struct cf_buf plain;  /* TLS: decrypted, or gathered to be encrypted */
    struct cf_buf cipher; /* TLS: lent to whoever writes just now */
};

/* A connection is usable (it was on loop->opening): watches it and tells the owner. */
void cf_conn_announce(struct cf_conn *conn);
/* A connection that was on loop->dirty: writes as much as the socket takes. */
void cf_conn_flush(struct cf_conn *conn);
/* What the connection waits for has come (UV_READABLE, UV_WRITABLE), or (UV_DISCONNECT) its socket
 * is in error. */
void cf_conn_ready(struct cf_conn *conn, unsigned events);
/* A connection that was on loop->closed: the last that is heard of it. */
void cf_conn_finish(struct cf_conn *conn);

/* watch.c: CF_E_IO. */
enum cf_error cf_watch_open(struct cf_loop *loop);
void cf_watch_close(struct cf_loop *loop);
/* From now on `events` of the connection's socket are told, none with 0. False: the kernel refuses.
 */
bool cf_watch_set(struct cf_conn *conn, unsigned events);

#endif
