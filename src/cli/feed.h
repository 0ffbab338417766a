/* What a follower of a stream knows: which messages it has shown, in which version, and how far.
 * Messages come from the stream and from fetches, more than once and in any order; each version is
 * shown once. */
#ifndef CF_CLI_FEED_H
#define CF_CLI_FEED_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/time.h"

enum { CF_FEED_SEEN = 1000 }; /* messages remembered (seed 000) */

struct cf_feed_entry {
    uint8_t id[36];
    uint8_t id_len;
    cf_us updated; /* the version shown; 0: as first sent */
};

struct cf_feed {
    struct cf_map seen;
    struct cf_feed_entry entries[CF_FEED_SEEN];
    size_t next;
    char cursor[CF_TIME_LEN]; /* created_at of the newest message seen */
    bool has_cursor;
    uint8_t hash_key[16];
};

void cf_feed_init(struct cf_feed *feed, const uint8_t hash_key[16]);
void cf_feed_deinit(struct cf_feed *feed);
/* One message object. *out_new: this version has not been shown. CF_E_INVALID and what JSON's
 * reader says for anything that is no message; CF_E_NOMEM. */
enum cf_error cf_feed_take(struct cf_feed *feed, struct cf_slice json, bool *out_new);

/* A list answer: its messages one by one. */
struct cf_feed_list {
    struct cf_arena arena;
    struct cf_slice array; /* the text of "messages" */
    bool has_more;
};
/* `json` is borrowed. Errors as cf_feed_take. Deinit in any case. */
enum cf_error cf_feed_list_init(struct cf_feed_list *list, struct cf_slice json,
                                const uint8_t hash_key[16]);
void cf_feed_list_deinit(struct cf_feed_list *list);
/* Calls `visit` for each message's text, until it returns an error. */
enum cf_error cf_feed_list_each(const struct cf_feed_list *list, const uint8_t hash_key[16],
                                enum cf_error (*visit)(void *context, struct cf_slice message),
                                void *context);

#endif
