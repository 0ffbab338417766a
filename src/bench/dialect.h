/* What can be spoken to: which rooms there are, how one listens in them and how one sends. */
#ifndef CF_BENCH_DIALECT_H
#define CF_BENCH_DIALECT_H

#include "bench/worker.h"

struct cf_bench_dialect {
    const char *name;
    const char *text_key;                  /* what stands before a text in what receivers get */
    bool sealed;                           /* texts are base64 */
    bool posts;                            /* a sender is an HTTP connection, one in flight */
    uint64_t rest_ns;                      /* from a sender's message to its next, at least */
    unsigned user_streams;                 /* receivers a user may have; 0: any number */
    unsigned user_rate;                    /* messages a second that a user may send; 0: any */
    unsigned address_streams;              /* receivers that an address may have; 0: any */
    const struct cf_bench_room_form *form; /* NULL: rooms are numbers, and there are no accounts */
    const struct cf_bench_role *receiver, *sender;
    const struct cf_bench_role *both; /* receives and sends, in turns; NULL: nobody does */
    const struct cf_bench_role *echo; /* NULL: there is no echo */
    cf_bench_stamp *stamp;
};

extern const struct cf_bench_dialect cf_bench_shop, cf_bench_talk, cf_bench_orbital, cf_bench_hub,
    cf_bench_nchan, cf_bench_socketio;

/* NULL: there is none of that name. */
const struct cf_bench_dialect *cf_bench_dialect_find(const char *name);

/* For those that post: composes a request with this JSON around the text. */
enum cf_error cf_bench_post_compose(struct cf_bench_client *client, const char *path,
                                    struct cf_slice before, struct cf_slice after);
/* Its answer is 2xx, or the worker stops. */
void cf_bench_post_answered(struct cf_bench_client *client, const struct cf_bench_answer *answer);
/* Sends the message as bytes, as a frame. */
void cf_bench_send_bytes(struct cf_bench_client *client);
void cf_bench_send_frame(struct cf_bench_client *client);
/* It is connected: it may send. */
void cf_bench_sender_ready(struct cf_bench_client *client);

#endif
