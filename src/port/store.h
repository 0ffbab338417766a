/* The store, as everybody reaches it: a request struct in, the same struct back with its result.
 *
 * An operation is one transaction, its permission check included, so that what is checked still
 * holds when it commits. A store has at least two implementations and one contract suite
 * (tests/integration/store) that runs over all of them.
 *
 * Life of a request: cf_store_request_new → fields filled, bytes in its arena → submit (ownership
 * leaves) → executed → handed to the sink (ownership comes back) → cf_store_request_free.
 *
 * Order: the writes of one store take effect in the order of their submits, and are handed to the
 * sink in the order of their commits. Reads may overtake writes; a read sees all writes that the
 * sink was handed before it was submitted.
 *
 * A write that was answered CF_OK is durable. CF_E_UNAVAILABLE: the outcome is unknown; try again
 * with the same client id. A write that was refused with another error has changed nothing.
 *
 * Names: an actor_name that is not empty is stored, or refreshed, with every write that succeeds. A
 * user_name names only a user whom the store does not know yet: names show in all rooms, and an
 * admin of one is nobody to rename the people of others. A user whom nobody has named is called by
 * the id. */
#ifndef CF_PORT_STORE_H
#define CF_PORT_STORE_H

#include "base/arena.h"
#include "base/list.h"
#include "base/time.h"
#include "base/uuid.h"

enum cf_role { CF_ROLE_NONE, CF_ROLE_MEMBER, CF_ROLE_ADMIN };

/* What goes in, → what comes out · which errors besides CF_E_UNAVAILABLE and CF_E_NOMEM. */
enum cf_store_op {
    /* reads */

    /* actor → rooms, newest first */
    CF_STORE_ROOMS_OF,
    /* room, actor → role · E_NOT_MEMBER (also for an unknown room) */
    CF_STORE_MEMBER_GET,
    /* room, actor → members, by joined time · E_NOT_MEMBER */
    CF_STORE_MEMBERS_OF,
    /* message, actor → the message · E_NOT_FOUND (also: deleted, actor no member) */
    CF_STORE_MESSAGE_GET,
    /* room, actor, page (1 = newest), limit → messages, oldest first within the page, total,
     * has_more (older ones exist) · E_NOT_MEMBER */
    CF_STORE_MESSAGES_PAGE,
    /* room, actor, since (inclusive), limit → messages, oldest first, has_more · E_NOT_MEMBER */
    CF_STORE_MESSAGES_SINCE,
    /* nothing → can the store read, and would it take writes? */
    CF_STORE_CHECK,

    /* writes */

    /* actor, actor_name, now: stores or refreshes the user */
    CF_STORE_USER_PUT,
    /* room (the new id), name, actor, now → one room; the actor is its admin · E_CONFLICT (the id
     * is taken) */
    CF_STORE_ROOM_CREATE,
    /* room, actor (an admin), user, user_name, role, now → one member, created: added or only
     * changed. A known user's name stays as it is · E_NOT_MEMBER, E_FORBIDDEN, E_CONFLICT (the
     * last admin), E_INVALID (no such role) */
    CF_STORE_MEMBER_PUT,
    /* room, actor (an admin, or the user itself), user · E_NOT_MEMBER, E_FORBIDDEN, E_NOT_FOUND,
     * E_CONFLICT (the last admin) */
    CF_STORE_MEMBER_REMOVE,
    /* room, actor, message (the new id), text, client_id?, image?, now → one message, created. Same
     * (room, actor, client_id) again: the first message, created = false; E_CONFLICT with another
     * text (compared as first sent, whatever edits came between; the image only by being there),
     * after its deletion, or when the new id is taken · E_NOT_MEMBER */
    CF_STORE_MESSAGE_CREATE,
    /* message, actor (the author), text, now → the message · E_NOT_FOUND (unknown, deleted, actor
     * no member), E_FORBIDDEN */
    CF_STORE_MESSAGE_EDIT,
    /* message, actor (author or admin), now → the message as it was, its image included ·
     * E_NOT_FOUND, E_FORBIDDEN */
    CF_STORE_MESSAGE_DELETE,
    /* room, message, actor (the author), image, text (empty: unchanged), now → the message,
     * old_image · E_NOT_FOUND (also: of another room), E_FORBIDDEN */
    CF_STORE_MESSAGE_IMAGE_SET,
    /* message, actor (author or admin), now → the message, old_image · E_NOT_FOUND (also: it has no
     * image), E_FORBIDDEN */
    CF_STORE_MESSAGE_IMAGE_REMOVE,

    CF_STORE_OPS
};

/* Does it change the store? */
static inline bool cf_store_op_writes(enum cf_store_op op)
{
    return op >= CF_STORE_USER_PUT;
}

struct cf_room_row {
    struct cf_uuid id;
    struct cf_slice name;
    struct cf_slice created_by;
    cf_us created;
    enum cf_role role; /* the actor's */
    uint64_t members;
};

struct cf_member_row {
    struct cf_slice user;
    struct cf_slice name;
    enum cf_role role;
    cf_us joined;
};

struct cf_message_row {
    struct cf_uuid id, room;
    uint64_t seq; /* 1, 2, 3 … within the room, without a gap, in commit order */
    struct cf_slice author, author_name;
    struct cf_slice text;
    cf_us created;         /* strictly increasing within the room, in commit order */
    cf_us updated;         /* 0: never edited */
    struct cf_slice image; /* media name, ptr == NULL: none */
};

struct cf_store_request {
    struct cf_list link; /* whoever owns the request may queue it by this */
    enum cf_store_op op;
    void *owner;     /* the submitter's, untouched */
    uint64_t ticket; /* the submitter's, untouched */
    struct cf_arena arena;

    /* in */
    struct cf_slice actor, actor_name;
    struct cf_slice user, user_name;
    enum cf_role role; /* MEMBER_PUT in; MEMBER_GET out */
    struct cf_uuid room, message;
    struct cf_slice name, text;
    struct cf_slice client_id, image; /* ptr == NULL: none */
    cf_us now;                        /* wall clock of the submitter */
    cf_us since;
    uint32_t page, limit;

    /* out; slices live in the arena */
    enum cf_error error;
    bool created;
    bool has_more;
    uint64_t total;
    struct cf_room_row *rooms;
    size_t rooms_count;
    struct cf_member_row *members;
    size_t members_count;
    struct cf_message_row *messages;
    size_t messages_count;
    struct cf_slice old_image; /* ptr == NULL: none */
};

/* Where finished requests go. Called with all that one commit, or one run of reads, has finished,
 * in order; on the store's own threads, several at a time (store_mem: inside cf_store_mem_step). */
struct cf_store_sink {
    void (*done)(void *context, struct cf_list *requests); /* takes them off the list */
    void *context;
};

struct cf_store_stats {
    uint64_t commits, writes, reads, failures;
    uint64_t queued;    /* writes waiting now */
    uint64_t commit_us; /* total time in commits */
    uint64_t database_bytes, wal_bytes;
    bool writable; /* false: reads only (disk full, I/O error) */
};

/* A zeroed request with an empty arena of at most 8 MiB. NULL without memory. */
struct cf_store_request *cf_store_request_new(enum cf_store_op op);
/* NULL is allowed. */
void cf_store_request_free(struct cf_store_request *request);

struct cf_store {
    const struct cf_store_ops *ops;
};

struct cf_store_ops {
    const char *name;
    /* Takes all requests of the list, in order; from any thread. Each comes back through the sink.
     */
    void (*submit)(struct cf_store *store, struct cf_list *requests);
    void (*stats)(struct cf_store *store, struct cf_store_stats *out_stats);
    /* Finishes what is queued, hands it over, closes and frees. */
    void (*close)(struct cf_store *store);
};

#endif
