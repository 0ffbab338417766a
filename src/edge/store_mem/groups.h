/* What the store in memory remembers of encrypted groups. Everything here owns its bytes; groups
 * and events are never forgotten, media are. */
#ifndef CF_EDGE_STORE_MEM_GROUPS_H
#define CF_EDGE_STORE_MEM_GROUPS_H

#include "edge/store_mem/tables.h"

struct mem_group_member {
    struct mem_user *user;
    int64_t joined; /* stamp */
};

struct mem_group {
    struct cf_uuid id;
    struct cf_slice name;
    struct mem_user *creator;
    int64_t created, last;            /* stamps: of the creation, and of what came last */
    struct mem_group_member *members; /* in the order of their joining */
    size_t members_count;
    struct cf_slice sent_key; /* its key in mem->group_sent; empty: none */
    struct cf_map sent;       /* posts with a client id, by (author, client id) */
};

struct mem_group_event {
    struct cf_group_event row; /* `user` is the user's own, the other strings are the event's */
    struct mem_group *group;
    struct cf_slice sent_key; /* its key in group->sent; empty: none */
};

struct mem_group_media {
    struct cf_uuid id, thread;
    struct mem_group *group;
    struct mem_user *author;
    struct cf_slice metadata, client_id;
    uint64_t size;
    cf_us opened;
    enum cf_group_media_state state;
    const struct mem_group_event *event; /* NULL: never completed */
};

void cf_mem_groups_init(struct mem_store *mem);
void cf_mem_groups_deinit(struct mem_store *mem);
/* The last stamps, from the log. */
void cf_mem_groups_reopened(struct mem_store *mem);

/* The group, if the actor is in it; else NULL. */
struct mem_group *cf_mem_group_find_own(struct mem_store *mem,
                                        const struct cf_store_request *request);
/* NULL when the user is not in it. */
struct mem_group_member *cf_mem_group_member_find(const struct mem_group *group,
                                                  struct cf_slice user);
/* The stamp of what happens next in the group. */
int64_t cf_mem_group_stamp(const struct mem_store *mem, const struct mem_group *group, cf_us now);

/* Stores the draft, whose strings are borrowed and whose `user` is the user's own, as the group's
 * next event, and answers it. Takes sent_key, in any case. CF_E_NOMEM. */
enum cf_error cf_mem_group_append(struct mem_store *mem, struct cf_store_request *request,
                                  struct mem_group *group, const struct cf_group_event *draft,
                                  struct cf_slice sent_key, struct mem_group_event **out_event);
/* The event as the request's answer. CF_E_NOMEM. */
enum cf_error cf_mem_group_answer(struct cf_store_request *request,
                                  const struct cf_group_event *event);
/* The thread, if the actor is in its group; else NULL. */
struct mem_group_event *cf_mem_thread_find_own(struct mem_store *mem, const struct cf_uuid *id,
                                               struct cf_slice actor);
void cf_mem_group_log_free(struct mem_store *mem);
void cf_mem_uploads_free(struct mem_store *mem);

/* The operations: set the results and return request->error. */
enum cf_error cf_mem_groups_of(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_groups_among(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_members(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_events(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_thread_get(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_media_get(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_create(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_join(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_leave(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_post(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_media_open(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_media_done(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_media_delete(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_media_condemn(struct mem_store *mem, struct cf_store_request *request);
enum cf_error cf_mem_group_media_forget(struct mem_store *mem, struct cf_store_request *request);

#endif
