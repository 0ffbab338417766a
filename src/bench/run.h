/* One run: senders and listeners in one epoll, and what is measured meanwhile. */
#ifndef CF_BENCH_LOAD_RUN_H
#define CF_BENCH_LOAD_RUN_H

#include "base/list.h"
#include "load.h"
#include "bench/measure.h"
#include "bench/sequence.h"
#include "wire/ws/deflate.h"

/* First member of everything that epoll watches. */
struct load_source {
    void (*ready)(struct load_source *source);
    int fd;
};

/* Sends messages, one at a time: idle until its turn comes, then busy until it is answered. */
struct load_sender {
    void (*send)(struct load_sender *sender);
    struct load_run *run;
    struct cf_list idle;
    unsigned number;
    uint32_t counter; /* of its messages */
    uint64_t sent_ns; /* the last one */
};

struct load_run {
    const struct load_options *options;
    int epoll;
    struct load_sequence *sequences; /* one a room */
    struct cf_list listeners;
    struct cf_list idle;      /* senders; the one that has been idle for longest first */
    unsigned senders;         /* that there are */
    unsigned busy;            /* of them, now */
    unsigned busy_max;        /* to be kept busy */
    uint64_t rest_ns;         /* from a sender's message to its next, at least */
    uint64_t due_ns, step_ns; /* with --rate: the next message, and the time between two */
    bool sending;
    uint64_t from_ns, until_ns;       /* latencies of messages that were sent in between count */
    uint64_t sent, posts, deliveries; /* so far; a post is a message that was answered */
    uint64_t wire_bytes, text_bytes;  /* that listeners read; of messages, inflated */
    unsigned subscribed;              /* listeners that were told so */
    uint64_t late;                    /* due, and no sender was ready */
    struct load_samples post_samples, delivery_samples;
    struct load_faults faults;
    struct cf_ws_inflater *inflater; /* with --deflate */
    struct cf_buf inflated;
    uint64_t cut; /* listeners that the server closed */
};

/* `senders`: at most; `text_key`: what stands before a message's text in what a listener receives.
 */
void load_run_open(struct load_run *run, const struct load_options *options, unsigned senders,
                   const char *text_key);
/* Closes its listeners, too. */
void load_run_close(struct load_run *run);
void load_watch(struct load_run *run, struct load_source *source);
/* Waits for at most `wait_ms` and handles what has come. */
void load_turn(struct load_run *run, int wait_ms);
/* The senders send for a second that is not measured and for --seconds that are. Then, when all is
 * answered and delivered, the listeners are closed and the figures printed. */
void load_run_measure(struct load_run *run);

/* Is idle from now on. */
void load_sender_open(struct load_sender *sender, struct load_run *run, unsigned number,
                      void (*send)(struct load_sender *sender));
/* The next message is sent now: its name, for the beginning of its text. */
void load_sender_begin(struct load_sender *sender, char *out);
void load_sender_answered(struct load_sender *sender);

/* Is a message that was sent then one of those that are measured? */
static inline bool load_measured(const struct load_run *run, uint64_t sent_ns)
{
    return sent_ns >= run->from_ns && sent_ns < run->until_ns;
}

#endif
