/* A keep-alive connection that posts messages, one in flight. */
#ifndef CF_BENCH_LOAD_POSTER_H
#define CF_BENCH_LOAD_POSTER_H

#include "bench/dialect.h"

enum { LOAD_ANSWER_MAX = 4 * LOAD_TEXT_MAX };

struct load_poster {
    struct load_source source;
    struct load_sender sender;
    char *request; /* whole; only the text changes from one to the next */
    size_t request_len, text_at;
    char answer[LOAD_ANSWER_MAX + 1];
    size_t answer_len;
};

void load_poster_open(struct load_poster *poster, struct load_run *run, unsigned number,
                      const struct load_dialect *dialect, const char room[CF_UUID_LEN]);
void load_poster_close(struct load_poster *poster);

#endif
