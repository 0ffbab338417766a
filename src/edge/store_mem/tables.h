/* What the store in memory remembers. Everything here owns its bytes. */
#ifndef CF_EDGE_STORE_MEM_TABLES_H
#define CF_EDGE_STORE_MEM_TABLES_H

#include "base/map.h"
#include "edge/store_mem/store_mem.h"

struct mem_user {
    struct cf_slice id, name;
};

struct mem_member {
    struct mem_user *user;
    enum cf_role role;
    cf_us joined;
};

struct mem_room {
    struct cf_uuid id;
    struct cf_slice name;
    struct mem_user *creator;
    cf_us created;
    uint64_t number; /* in the order of creation */
    struct mem_member *members;
    size_t members_count;
    struct mem_message **messages; /* element i has seq i + 1; the deleted stay */
    size_t messages_count, deleted_count;
    struct cf_map sent; /* messages with a client id, by (author, client id) */
};

struct mem_message {
    struct cf_uuid id;
    struct mem_room *room;
    struct mem_user *author;
    uint64_t seq;
    cf_us created, updated;
    struct cf_slice text, image;
    uint64_t sent_hash;       /* of what was first sent */
    struct cf_slice sent_key; /* its key in room->sent; empty: none */
    bool deleted;
};

struct mem_store {
    struct cf_store store;
    const struct cf_store_sink *sink;
    struct cf_list queue;
    uint8_t hash_key[16];
    struct cf_map users, rooms, messages;
    struct mem_talk **talks; /* by id */
    size_t talks_count;
    struct mem_event *events; /* element i has the number i + 1 */
    size_t events_count;
    struct cf_map talk_sent; /* messages of talks with a client id, by (author, client id) */
    struct cf_list sockets;
    struct mem_group **groups; /* in the order of their creation */
    size_t groups_count;
    struct mem_group_event **group_log; /* of all groups, in the order of the stamps */
    size_t group_log_count;
    struct cf_map group_sent;         /* groups with a client id, by (creator, client id) */
    struct cf_map group_posts;        /* messages, threads and replies, by their ids */
    struct mem_group_media **uploads; /* in the order of their opening */
    size_t uploads_count;
    struct cf_group_clock clock;
    struct cf_store_stats stats; /* but for the stamp, which is the clock's */
};

/* A copy on the heap; ptr == NULL stays so. CF_E_NOMEM. */
enum cf_error cf_mem_copy(struct cf_slice bytes, struct cf_slice *out_copy);
void cf_mem_free(struct cf_slice *bytes);
/* Room for one element more: the array doubles at each power of two. NULL without memory. */
void *cf_mem_grow(void *array, size_t count, size_t element_bytes);
/* As memcmp; of two where one begins the other the shorter is the smaller. */
int cf_mem_slice_compare(struct cf_slice a, struct cf_slice b);
/* (actor, client id) as one key on the heap; ptr == NULL: no client id. CF_E_NOMEM. */
enum cf_error cf_mem_sent_key(const struct cf_store_request *request, struct cf_slice *out_key);

/* NULL when there is none. */
struct mem_user *cf_mem_user_find(struct mem_store *mem, struct cf_slice id);
struct mem_room *cf_mem_room_find(struct mem_store *mem, const struct cf_uuid *id);
struct mem_message *cf_mem_message_find(struct mem_store *mem, const struct cf_uuid *id);
struct mem_member *cf_mem_member_find(struct mem_room *room, struct cf_slice user);
struct mem_message *cf_mem_sent_find(struct mem_room *room, struct cf_slice key);

/* Stores or refreshes; an empty name keeps the known one, and of an unknown user the id is the
 * name. CF_E_NOMEM. */
enum cf_error cf_mem_user_put(struct mem_store *mem, struct cf_slice id, struct cf_slice name,
                              struct mem_user **out_user);
/* As user_put, but a known user's name stays. */
enum cf_error cf_mem_user_ensure(struct mem_store *mem, struct cf_slice id, struct cf_slice name,
                                 struct mem_user **out_user);
/* Every write that succeeds refreshes the actor's name, if it was given. */
enum cf_error cf_mem_actor_put(struct mem_store *mem, const struct cf_store_request *request);
enum cf_error cf_mem_room_add(struct mem_store *mem, const struct cf_uuid *id, struct cf_slice name,
                              struct mem_user *creator, cf_us now, struct mem_room **out_room);
enum cf_error cf_mem_member_add(struct mem_room *room, struct mem_user *user, enum cf_role role,
                                cf_us now);
void cf_mem_member_remove(struct mem_room *room, struct mem_member *member);
/* Takes the message with its bytes, in any case. CF_E_NOMEM. */
enum cf_error cf_mem_message_give(struct mem_store *mem, struct mem_message *message);
void cf_mem_message_free(struct mem_message *message);

void cf_mem_tables_init(struct mem_store *mem);
void cf_mem_tables_deinit(struct mem_store *mem);

/* The operations: set request->error and the results. */
void cf_mem_read(struct mem_store *mem, struct cf_store_request *request);
void cf_mem_write(struct mem_store *mem, struct cf_store_request *request);

/* The one message as the request's answer. CF_E_NOMEM. */
enum cf_error cf_mem_answer_message(struct cf_store_request *request,
                                    const struct mem_message *message);

#endif
