/* A blocking connection to the server, under TLS with --tls. Whatever fails ends the program. */
#ifndef CF_BENCH_LOAD_WIRE_H
#define CF_BENCH_LOAD_WIRE_H

#include "load.h"

struct load_wire {
    int fd;
    struct ssl_st *tls; /* NULL without */
};

void load_wire_open(struct load_wire *wire, const struct load_options *options);
void load_wire_send(struct load_wire *wire, struct cf_slice bytes);
/* What has come, at least one byte; 0 at the end. */
size_t load_wire_receive(struct load_wire *wire, void *out, size_t size);
void load_wire_close(struct load_wire *wire);

#endif
