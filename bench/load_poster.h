/* A keep-alive connection that posts messages, one in flight. */
#ifndef CF_BENCH_LOAD_POSTER_H
#define CF_BENCH_LOAD_POSTER_H

#include "base/uuid.h"
#include "load_talk.h"

enum { LOAD_ANSWER_MAX = 8192 };

struct load_poster {
    struct load_source source;
    struct load_talk *talk;
    unsigned number;
    uint32_t counter;
    uint64_t sent_ns;
    bool busy;
    bool pacing;   /* does not go on by itself */
    char *request; /* whole; only the name changes from one to the next */
    size_t request_len, name_at;
    char answer[LOAD_ANSWER_MAX + 1];
    size_t answer_len;
};

void load_poster_open(struct load_poster *poster, struct load_talk *talk, unsigned number,
                      const char shop[CF_UUID_LEN]);
void load_poster_close(struct load_poster *poster);
/* It must not be busy. */
void load_poster_post(struct load_poster *poster);

#endif
