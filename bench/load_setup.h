/* What stands before the load does: users, shops, conversations, streams. Blocking, over
 * connections of its own. */
#ifndef CF_BENCH_LOAD_SETUP_H
#define CF_BENCH_LOAD_SETUP_H

#include "base/buf.h"
#include "load.h"
#include "bench/dialect.h"

enum { LOAD_PATH_MAX = 160, LOAD_REPLY_MAX = 16 * 1024, LOAD_UPGRADES_AT_ONCE = 64 };

/* A connected socket, blocking, without Nagle's delay. */
int load_connect(unsigned port);
/* Appends a token for that user, valid for an hour. */
void load_sign(const struct load_options *options, unsigned user, struct cf_buf *out);
/* Appends "Authorization: Bearer …\r\n"; nothing without accounts. */
void load_authorize(const struct load_options *options, unsigned user, struct cf_buf *out);
/* A request over a connection of its own, whose answer must have status 201. `headers`: further
 * lines; `out_answer` has room for LOAD_REPLY_MAX. */
void load_request(const struct load_options *options, unsigned user, const char *method,
                  const char *path, const char *headers, const char *body, char *out_answer);
/* The id that stands behind this in an answer. */
void load_find_id(const char *answer, const char *before, char out_id[CF_UUID_LEN]);
/* The length of an answer with its body, 0 while that is not known. */
size_t load_answer_length(const char *answer);
/* Makes the rooms, each with all users as members, and writes their ids. Without accounts there is
 * nothing to make, and the ids are zeros. */
void load_make_rooms(const struct load_options *options, const struct load_dialect *dialect,
                     char (*out_ids)[CF_UUID_LEN]);
/* Opens options->streams streams, number i in room i % rooms as user i % users; the sockets are
 * non-blocking then. */
void load_open_streams(const struct load_options *options, const struct load_dialect *dialect,
                       char (*rooms)[CF_UUID_LEN], int *out_fds);
/* Makes a group conversation a room, number i of the users i, i + rooms, i + 2 * rooms…, and writes
 * their ids. Without accounts there is nothing to make, and the ids are 1, 2, 3… */
void load_make_conversations(const struct load_options *options, uint64_t *out_ids);
/* Connects and asks for a WebSocket; `headers`: more of them. */
int load_ask_upgrade(unsigned port, const char *path, struct cf_slice headers);
/* The answer, and no byte of what follows it; the socket is non-blocking then. */
void load_await_upgrade(int fd);
void load_set_nonblocking(int fd);

#endif
