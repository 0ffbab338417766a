/* A listening WebSocket: reads frames where they lie in the read buffer and checks their sequence.
 */
#ifndef CF_BENCH_LOAD_LISTENER_H
#define CF_BENCH_LOAD_LISTENER_H

#include "bench/run.h"

enum { LOAD_SENT_MAX = 2048 };

struct load_listener;
typedef void load_take_fn(struct load_listener *listener, struct cf_slice text, uint64_t now_ns);

struct load_listener {
    struct load_source source;
    struct load_run *run;
    struct cf_list in_run;
    struct load_sequence *sequence; /* of its room */
    struct load_place place;
    uint64_t stamp;     /* the last that it was told, in a dialect that has them */
    load_take_fn *take; /* what it does with a text */
    uint8_t *kept;      /* the beginning of a frame whose end has not come */
    size_t kept_len, kept_cap;
};

/* `fd`: an open WebSocket. */
void load_listener_open(struct load_listener *listener, struct load_run *run, int fd,
                        struct load_sequence *sequence, load_take_fn *take);
/* Sends one text frame, of at most LOAD_SENT_MAX bytes. */
void load_listener_send(struct load_listener *listener, struct cf_slice text);
/* The text is a message of its room. */
void load_listener_deliver(struct load_listener *listener, struct cf_slice text, uint64_t now_ns);
void load_listener_close(struct load_listener *listener);

#endif
