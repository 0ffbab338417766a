/* What stands before the load does: users, shops, conversations, streams. Blocking, over
 * connections of its own. */
#ifndef CF_BENCH_LOAD_SETUP_H
#define CF_BENCH_LOAD_SETUP_H

#include "base/buf.h"
#include "base/uuid.h"
#include "load.h"

enum { LOAD_PATH_MAX = 160, LOAD_UPGRADES_AT_ONCE = 64 };

/* A connected socket, blocking, without Nagle's delay. */
int load_connect(uint16_t port);
/* Appends a token for that user, valid for an hour. */
void load_sign(const struct load_options *options, unsigned user, struct cf_buf *out);
/* Appends "Authorization: Bearer …\r\n"; nothing without accounts. */
void load_authorize(const struct load_options *options, unsigned user, struct cf_buf *out);
/* Makes the shops, each with all users as members, and writes their ids. Without accounts there is
 * nothing to make, and the ids are zeros. */
void load_make_shops(const struct load_options *options, char (*out_ids)[CF_UUID_LEN]);
/* Opens options->streams streams, number i in shop i % rooms as user i % users; the sockets are
 * non-blocking then. */
void load_open_streams(const struct load_options *options, char (*shops)[CF_UUID_LEN],
                       int *out_fds);
/* Makes a group conversation a room, number i of the users i, i + rooms, i + 2 * rooms…, and writes
 * their ids. Without accounts there is nothing to make, and the ids are 1, 2, 3… */
void load_make_conversations(const struct load_options *options, uint64_t *out_ids);
/* Connects and asks for a WebSocket; `headers`: more of them. */
int load_ask_upgrade(uint16_t port, const char *path, struct cf_slice headers);
/* The answer, and no byte of what follows it; the socket is non-blocking then. */
void load_await_upgrade(int fd);
void load_set_nonblocking(int fd);

#endif
