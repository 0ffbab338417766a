/* What stands before the load does: users, shops, streams. Blocking, over connections of its own.
 */
#ifndef CF_BENCH_LOAD_SETUP_H
#define CF_BENCH_LOAD_SETUP_H

#include "base/buf.h"
#include "base/uuid.h"
#include "load.h"

enum { LOAD_PATH_MAX = 160 };

/* A connected socket, blocking, without Nagle's delay. */
int load_connect(uint16_t port);
/* Appends "Authorization: Bearer …\r\n" for that user, valid for an hour; nothing without accounts.
 */
void load_authorize(const struct load_options *options, unsigned user, struct cf_buf *out);
/* Makes the shops, each with all users as members, and writes their ids. Without accounts there is
 * nothing to make, and the ids are zeros. */
void load_make_shops(const struct load_options *options, char (*out_ids)[CF_UUID_LEN]);
/* Opens options->streams streams, number i in shop i % shops as user i % users; the sockets are
 * non-blocking then. */
void load_open_streams(const struct load_options *options, char (*shops)[CF_UUID_LEN],
                       int *out_fds);
void load_set_nonblocking(int fd);

#endif
