/* The server as the workloads see it. Whatever fails ends the program. */
#ifndef CF_BENCH_LOAD_SETUP_H
#define CF_BENCH_LOAD_SETUP_H

#include "base/buf.h"
#include "base/uuid.h"
#include "bench/wire.h"
#include "load.h"

enum { LOAD_PATH_MAX = 160, LOAD_REPLY_MAX = 16 * 1024 };

/* A connection, under TLS with --tls. */
void load_wire_open(struct cf_bench_wire *wire, const struct load_options *options);
void load_wire_send(struct cf_bench_wire *wire, struct cf_slice bytes);
/* What has come, at least one byte; 0 at the end. */
size_t load_wire_receive(struct cf_bench_wire *wire, void *out, size_t size);
/* Its socket, non-blocking from now on. */
int load_wire_take(struct cf_bench_wire *wire);

/* User and system time of the server so far, and its resident memory. */
uint64_t load_cpu_us(const struct load_options *options);
uint64_t load_rss_bytes(const struct load_options *options);

/* Appends "Authorization: Bearer …\r\n" of the user of this program. */
void load_authorize(const struct load_options *options, struct cf_buf *out);
/* A request over a connection of its own, whose answer must have status 201. `headers`: further
 * lines; `out_answer` has room for LOAD_REPLY_MAX. */
void load_request(const struct load_options *options, const char *method, const char *path,
                  const char *headers, const char *body, char *out_answer);
/* The id that stands behind this in an answer. */
void load_find_id(const char *answer, const char *before, char out_id[CF_UUID_LEN]);
/* The length of an answer with its body, 0 while that is not known. */
size_t load_answer_length(const char *answer);

#endif
