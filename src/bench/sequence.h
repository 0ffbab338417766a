/* Does every receiver of a room see the same messages in the same order, each once?
 *
 * The order among senders is the server's to choose: the first receiver of a thread that sees a
 * position decides it in the thread's log of the room, and all others must see the same there,
 * which costs them one comparison of 16 bytes. What one sender sends stays in its order, and what
 * the server counts by (a dialect's stamp) must grow. When all is over the threads' logs of a room
 * are compared as if each were a receiver. A log keeps 24 bytes a message. */
#ifndef CF_BENCH_SEQUENCE_H
#define CF_BENCH_SEQUENCE_H

#include "base/error.h"
#include "base/slice.h"
#include "bench/text.h"

struct cf_bench_message {
    uint8_t name[CF_BENCH_NAME_LEN];
    uint64_t sent_ns;
};

/* The order of one room in one thread. */
struct cf_bench_log {
    struct cf_bench_message *messages;
    size_t count, cap;
    size_t receivers; /* that the thread has in the room */
    uint64_t stamp;   /* of the last message */
    size_t text_at;   /* where the text began in the last payload */
};

/* How far a receiver has got in it. */
struct cf_bench_place {
    size_t at;
    size_t *missed; /* positions that were skipped */
    size_t missed_count;
};

/* Of deliveries: a message that three receivers have not got is lost three times. */
struct cf_bench_faults {
    uint64_t lost, doubled, reordered;
};

/* What a message says it is counted by, greater with each in a room; 0: nothing. */
typedef uint64_t cf_bench_stamp(struct cf_slice payload);

/* Of a thread; all its logs share it. */
struct cf_bench_sequence {
    uint32_t *next; /* the counter that is due, by sender */
    unsigned senders;
    struct cf_slice text_key; /* what stands before a text */
    cf_bench_stamp *stamp;    /* NULL: there are none */
    struct cf_bench_faults faults;
};

/* CF_E_NOMEM. */
enum cf_error cf_bench_sequence_init(struct cf_bench_sequence *sequence, unsigned senders,
                                     const char *text_key, cf_bench_stamp *stamp);
void cf_bench_sequence_deinit(struct cf_bench_sequence *sequence);
void cf_bench_log_deinit(struct cf_bench_log *log);

/* A receiver has got this payload. *out_message is valid until the next call. CF_E_INVALID: no
 * sender has sent such a text; CF_E_NOMEM. */
enum cf_error cf_bench_sequence_take(struct cf_bench_sequence *sequence, struct cf_bench_log *log,
                                     struct cf_bench_place *place, struct cf_slice payload,
                                     const struct cf_bench_message **out_message);
/* Nothing more will come: counts what did not. */
void cf_bench_place_finish(const struct cf_bench_log *log, struct cf_bench_place *place,
                           struct cf_bench_faults *faults);
/* The logs of one room, of all threads, and how many messages were sent to it: counts where the
 * logs differ, and what nobody has seen. Empties them. CF_E_NOMEM. */
enum cf_error cf_bench_logs_compare(struct cf_bench_log *const *logs, size_t count, uint64_t sent,
                                    struct cf_bench_faults *faults);

#endif
