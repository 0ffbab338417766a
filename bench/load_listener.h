/* A stream: reads frames where they lie in the read buffer and checks their sequence. */
#ifndef CF_BENCH_LOAD_LISTENER_H
#define CF_BENCH_LOAD_LISTENER_H

#include "load_talk.h"

struct load_listener {
    struct load_source source;
    struct load_talk *talk;
    struct load_sequence *sequence; /* of its shop */
    struct load_place place;
    uint8_t *kept; /* the beginning of a frame whose end has not come */
    size_t kept_len, kept_cap;
};

/* `fd`: an open stream. */
void load_listener_open(struct load_listener *listener, struct load_talk *talk, int fd,
                        struct load_sequence *sequence);
void load_listener_close(struct load_listener *listener);

#endif
