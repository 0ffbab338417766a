/* One connection to the server: a receiver, a sender, or both. It is opened, asks for its WebSocket
 * (or speaks plain HTTP), and hands what comes to its role, frame by frame, where it lies in the
 * worker's read buffer. Belongs to one worker; whatever fails stops that worker (cf_bench_stop). */
#ifndef CF_BENCH_CLIENT_H
#define CF_BENCH_CLIENT_H

#include "base/buf.h"
#include "base/list.h"
#include "bench/http.h"
#include "bench/sequence.h"

struct ssl_st;
struct cf_bench_client;
struct cf_bench_worker;

/* What a client does in a dialect. NULL where a role has no such thing to do. */
struct cf_bench_role {
    const char *what; /* "a receiver", in messages */
    /* Writes path and query of the WebSocket that it asks for; NULL: it speaks plain HTTP. */
    void (*target)(const struct cf_bench_client *client, char *out, size_t size);
    bool token; /* in the request's Authorization */
    /* It is connected, upgraded where there is a target. NULL: what it hears will tell more. */
    void (*opened)(struct cf_bench_client *client);
    void (*hear)(struct cf_bench_client *client, struct cf_slice text, uint64_t now_ns);
    void (*answered)(struct cf_bench_client *client, const struct cf_bench_answer *answer);
    /* Appends what it sends to client->message and sets text_at. Before its first message. */
    enum cf_error (*compose)(struct cf_bench_client *client);
    /* Sends client->message, whose text is new. */
    void (*send)(struct cf_bench_client *client);
};

enum cf_bench_state {
    CF_BENCH_CLOSED,
    CF_BENCH_CONNECTING,
    CF_BENCH_SHAKING_HANDS, /* of TLS */
    CF_BENCH_UPGRADING,
    CF_BENCH_STREAMING, /* frames */
    CF_BENCH_TALKING,   /* plain HTTP */
};

struct cf_bench_client {
    struct cf_bench_worker *worker;
    const struct cf_bench_role *role;
    struct ssl_st *tls; /* NULL without */
    int fd;
    enum cf_bench_state state;
    bool wants_write; /* epoll tells when there is room */
    bool ready;
    unsigned number;      /* of its role, over all workers */
    unsigned room, user;  /* numbers */
    uint64_t began_ns;    /* of its connecting */
    struct cf_buf unsent; /* what had no room in the socket */
    uint8_t *kept;        /* the beginning of a frame or answer whose end has not come */
    size_t kept_len, kept_cap;

    struct cf_bench_place place; /* of a receiver */

    /* of a sender */
    struct cf_list idle;   /* in the worker's, while it may send */
    struct cf_buf message; /* as it is written; only the text's head changes */
    size_t text_at;
    unsigned busy, window; /* messages that are not answered, and how many may be */
    uint32_t counter;      /* of its messages */
    uint32_t answers;
    uint64_t sent_ns; /* the last one */
};

/* Begins to connect. */
void cf_bench_client_open(struct cf_bench_client *client);
/* Closes the connection, quietly. It may be opened again. */
void cf_bench_client_close(struct cf_bench_client *client);
void cf_bench_client_deinit(struct cf_bench_client *client);
/* What epoll says of it. */
void cf_bench_client_happen(struct cf_bench_client *client, unsigned events);
/* Bytes as they are; a frame of text. What has no room is sent later. */
void cf_bench_client_write(struct cf_bench_client *client, struct cf_slice bytes);
void cf_bench_client_write_text(struct cf_bench_client *client, struct cf_slice text);

#endif
