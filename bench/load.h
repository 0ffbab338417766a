/* The load program for what `confab bench` is not for: files, and starts. Figures are `name value`
 * lines on standard output. */
#ifndef CF_BENCH_LOAD_H
#define CF_BENCH_LOAD_H

#include <stddef.h>

#include "bench/plan.h"

struct load_options {
    struct cf_bench_plan plan; /* where the server is, and the secret of its tokens */
    unsigned port;
    unsigned server;     /* process whose CPU and memory are counted */
    unsigned uploads;    /* at once */
    unsigned size, part; /* of a file, and of what one request brings of it, in MiB */
    unsigned tls;
    unsigned runs;
    char **command; /* of `start` and `file` */
};

/* Files are uploaded, all at once. */
void load_uploads(const struct load_options *options);
/* A command, an upload and a download, each alone, in turns. */
void load_file(const struct load_options *options);
/* A server is started until it says that it listens, and stopped. */
void load_start(const struct load_options *options);

/* Zeroed, and at least one. */
void *load_new_array(size_t count, size_t size);
/* Ends the program: a figure that is not whole is none. `what` may be followed by errno's text. */
void load_die(const char *what) __attribute__((noreturn));
void load_die_errno(const char *what) __attribute__((noreturn));

#endif
