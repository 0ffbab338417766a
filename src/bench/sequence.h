/* Does every listener of a room see the same messages in the same order, each once?
 *
 * The order among senders is the server's to choose: the first listener that sees a position
 * decides it, and all others must see the same there. What one sender sends stays in its order. */
#ifndef CF_BENCH_LOAD_SEQUENCE_H
#define CF_BENCH_LOAD_SEQUENCE_H

#include "base/slice.h"
#include "bench/text.h"

struct load_message {
    char name[LOAD_NAME_LEN];
    uint64_t sent_ns;
};

/* The order of one room. */
struct load_sequence {
    struct load_message *messages;
    size_t count, cap;
    uint32_t *next;           /* the counter that is due, by sender */
    struct cf_slice text_key; /* what stands before a text */
    size_t text_at;           /* where the text began in the last payload */
};

/* How far a listener has got in it. */
struct load_place {
    size_t at;
    size_t *missed; /* positions that were skipped */
    size_t missed_count;
};

struct load_faults {
    uint64_t missing, doubled, disordered;
};

void load_sequence_init(struct load_sequence *sequence, unsigned senders, const char *text_key);
void load_sequence_deinit(struct load_sequence *sequence);
/* A listener has received this JSON. Returns the message; valid until the next call. */
const struct load_message *load_sequence_take(struct load_sequence *sequence,
                                              struct load_place *place, struct cf_slice payload,
                                              struct load_faults *faults);
/* Nothing more will come: counts what did not. */
void load_place_finish(const struct load_sequence *sequence, struct load_place *place,
                       struct load_faults *faults);

#endif
