/* One run of posters and streams. */
#ifndef CF_BENCH_LOAD_TALK_H
#define CF_BENCH_LOAD_TALK_H

#include "load.h"
#include "load_measure.h"
#include "load_sequence.h"

/* First member of everything that epoll watches. */
struct load_source {
    void (*ready)(struct load_source *source);
    int fd;
};

struct load_talk {
    const struct load_options *options;
    int epoll;
    bool stopping;              /* no new posts */
    uint64_t from_ns, until_ns; /* latencies of messages that were written in between count */
    uint64_t posts, deliveries; /* so far */
    unsigned busy;              /* posters that wait for their answer */
    struct load_samples post_samples, delivery_samples;
    struct load_faults faults;
    uint64_t cut; /* streams that the server closed */
};

void load_watch(struct load_talk *talk, struct load_source *source);
/* Is a message that was written then one of those that are measured? */
static inline bool load_measured(const struct load_talk *talk, uint64_t sent_ns)
{
    return sent_ns >= talk->from_ns && sent_ns < talk->until_ns;
}

#endif
