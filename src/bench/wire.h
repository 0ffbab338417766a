/* A blocking connection to the server, with or without TLS. Errors: CF_E_IO, and why. */
#ifndef CF_BENCH_WIRE_H
#define CF_BENCH_WIRE_H

#include "bench/plan.h"

struct ssl_ctx_st;
struct ssl_st;

struct cf_bench_wire {
    int fd;
    struct ssl_st *tls; /* NULL without */
};

/* *out_context is NULL for a plan without TLS. `ca` of the plan, or the system's authorities, must
 * vouch for the server, unless it says insecure. */
enum cf_error cf_bench_tls_new(const struct cf_bench_plan *plan, struct ssl_ctx_st **out_context,
                               struct cf_bench_why *why);
void cf_bench_tls_free(struct ssl_ctx_st *context);
/* A connection's part, for the plan's host; NULL without memory. */
struct ssl_st *cf_bench_tls_session(const struct cf_bench_plan *plan, struct ssl_ctx_st *context,
                                    int fd);
/* Why a handshake has failed, and what to do. */
enum cf_error cf_bench_tls_refused(const struct ssl_st *tls, struct cf_bench_why *why);

/* What errno says of a connection that could not be made, and what to do. */
enum cf_error cf_bench_cannot_connect(const struct cf_bench_plan *plan, int number,
                                      struct cf_bench_why *why);
/* `context`: of cf_bench_tls_new. Close in any case. */
enum cf_error cf_bench_wire_open(struct cf_bench_wire *wire, const struct cf_bench_plan *plan,
                                 struct ssl_ctx_st *context, struct cf_bench_why *why);
enum cf_error cf_bench_wire_send(struct cf_bench_wire *wire, struct cf_slice bytes,
                                 struct cf_bench_why *why);
/* What has come, at least one byte; *out_len 0 at the end. */
enum cf_error cf_bench_wire_receive(struct cf_bench_wire *wire, void *out, size_t size,
                                    size_t *out_len, struct cf_bench_why *why);
void cf_bench_wire_close(struct cf_bench_wire *wire);

#endif
