/* What the store in memory remembers of conversations and of sockets. Everything here owns its
 * bytes; talks, messages and events are never forgotten. */
#ifndef CF_EDGE_STORE_MEM_TALKS_H
#define CF_EDGE_STORE_MEM_TALKS_H

#include "edge/store_mem/tables.h"

struct mem_person {
    struct mem_user *user;
    cf_us joined;
};

struct mem_talk {
    int64_t id; /* its index in mem->talks + 1 */
    enum cf_talk_kind kind;
    struct cf_slice title;
    struct mem_user *creator;
    cf_us created;
    struct mem_person *people;
    size_t people_count;
    struct mem_talk_message **messages; /* element i has seq i + 1 */
    size_t messages_count;
};

struct mem_receipt {
    struct mem_user *user;
    int64_t delivered, read; /* the numbers of the marks, maybe the same one; 0: not yet */
};

struct mem_talk_message {
    int64_t id;
    struct mem_talk *talk;
    struct mem_user *author;
    uint64_t seq;
    cf_us created;
    struct cf_slice text, client_id;
    struct cf_slice sent_key;     /* its key in mem->talk_sent; empty: none */
    struct mem_receipt *receipts; /* by user */
    size_t receipts_count;
};

/* What a number was given to: a message, or a mark on one. */
struct mem_event {
    struct mem_talk_message *message;
    struct mem_user *marker; /* NULL: it is the message itself */
    enum cf_talk_mark_kind kind;
    cf_us at;
};

/* A talk that a socket is in. */
struct mem_joined {
    struct mem_talk *talk;
    int64_t number; /* the highest one given when it joined */
};

struct mem_socket {
    struct cf_list link;
    struct cf_slice pid, sid;
    struct mem_user *user;
    cf_us opened;   /* or recovered */
    int64_t number; /* as of when it was opened; recovering leaves it */
    struct mem_joined *talks;
    size_t talks_count;
};

void cf_mem_talks_init(struct mem_store *mem);
void cf_mem_talks_deinit(struct mem_store *mem);

/* The talk, if the actor takes part in it; else NULL. */
struct mem_talk *cf_mem_talk_find_own(struct mem_store *mem,
                                      const struct cf_store_request *request);
/* NULL when the user takes no part. */
struct mem_person *cf_mem_person_find(const struct mem_talk *talk, struct cf_slice user);
void cf_mem_sockets_free(struct mem_store *mem);
/* A message without receipts. CF_E_NOMEM. */
enum cf_error cf_mem_talk_message_copy(struct cf_arena *arena,
                                       const struct mem_talk_message *message,
                                       struct cf_talk_message *row);
/* The mark whose number this is. CF_E_NOMEM. */
enum cf_error cf_mem_mark_copy(struct cf_arena *arena, const struct mem_store *mem, int64_t number,
                               struct cf_talk_mark *row);

/* The operations: set the results and return request->error. */
enum cf_error cf_mem_talks_of(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_talk_messages(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_talk_create(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_talk_add(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_talk_remove(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_talk_send(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_talk_mark(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_socket_open(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_socket_join(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_socket_leave(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_socket_close(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_socket_recover(struct mem_store *mem, struct cf_store_request *request);

#endif
