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
    /* actor, limit → talks with their last message, the one with the newest event first */
    CF_STORE_TALKS_OF,
    /* talk, actor, range, from, limit → talk_messages, oldest first, with their receipts, has_more
     * · E_NOT_MEMBER (also for an unknown talk) */
    CF_STORE_TALK_MESSAGES,
    /* actor, room (nil: from the newest; else the groups that were made before that one), limit →
     * rooms: the groups that the actor is in, those made last first (role: ADMIN who made it),
     * has_more (older ones exist) · E_NOT_FOUND (the actor is not in `room`) */
    CF_STORE_GROUPS_OF,
    /* actor, uuids → uuids: those of them that are groups that the actor is in, in their order */
    CF_STORE_GROUPS_AMONG,
    /* room, actor → members, by joined time (role as above) · E_NOT_MEMBER (also: no such group) */
    CF_STORE_GROUP_MEMBERS,
    /* actor, room (nil: all of the actor's groups), message (a thread: only its replies; nil: all),
     * kinds, group_range, from, limit → group_events, has_more. In the order of their stamps, those
     * of one stamp in the order of their commits. A page ends early when it has
     * CF_GROUP_PAGE_BYTES of strings, and never between two events of the same stamp: it rather has
     * more than `limit` · E_NOT_MEMBER (room), E_NOT_FOUND (thread: unknown, or the actor is not in
     * its group; room is then nil) */
    CF_STORE_GROUP_EVENTS,
    /* message (a thread), actor → group_events: its THREAD event · E_NOT_FOUND */
    CF_STORE_GROUP_THREAD_GET,
    /* message (a media id), actor, now → media · E_NOT_FOUND (unknown, dead, expired, the actor is
     * not in its group, or it is not complete and another's) */
    CF_STORE_GROUP_MEDIA_GET,

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

    /* talk_kind, name (the title, may be empty), actor, users, now → one talk, created. A direct
     * one has exactly one other user; asked for again by either side it is answered again, created
     * = false. The actor takes part whether in `users` or not, a user named twice counts once ·
     * E_INVALID (direct, and not exactly one other user) */
    CF_STORE_TALK_CREATE,
    /* talk, actor (a participant), users, now → the talk, created: somebody is new · E_NOT_MEMBER,
     * E_CONFLICT (a direct one) */
    CF_STORE_TALK_ADD,
    /* talk, actor (who made it, or the user itself), user · E_NOT_MEMBER, E_FORBIDDEN, E_NOT_FOUND,
     * E_CONFLICT (a direct one) */
    CF_STORE_TALK_REMOVE,
    /* talk, actor, text, client_id, now → one talk_message, created. Same (actor, client_id) in the
     * same talk again: the first message, whatever the text, created = false; in another talk, of
     * either kind: E_CONFLICT · E_NOT_MEMBER */
    CF_STORE_TALK_SEND,
    /* number (a message), mark, actor, now → one mark, created: it was not marked so before. A
     * second one gives the first's time. Reading marks as delivered, too, and advances what counts
     * as read. An own message: nothing is stored, created = false. The mark's author is empty (ptr
     * == NULL) when the author takes no part in the talk any more: nobody is to be told ·
     * E_NOT_MEMBER (also: no such message) */
    CF_STORE_TALK_MARK,
    /* A socket, so that it can be recovered after its connection, or this process, has died. pid,
     * sid, actor, now, number (the highest one of which nothing was missed when it was opened):
     * remembers it, in no talk · E_CONFLICT (the pid is taken) */
    CF_STORE_SOCKET_OPEN,
    /* pid, talk, actor → last_number as of this commit. Also remembers that the socket is in the
     * talk, when there is such a socket of the actor's; with a sid (now, number: as of OPEN) the
     * socket is opened first, unless the pid is taken · E_NOT_MEMBER */
    CF_STORE_SOCKET_JOIN,
    /* pid, talk, actor: forgets that */
    CF_STORE_SOCKET_LEAVE,
    /* pid, now (that of the OPEN or RECOVER that is over): forgets the socket, unless it was
     * recovered since; with an empty pid all sockets that were opened or recovered before `now` */
    CF_STORE_SOCKET_CLOSE,
    /* pid, actor, now, from (the last number that the client has seen; -1: none), since, limit, and
     * of a socket that the store may not know, sid and number as of OPEN (else an empty sid) → sid,
     * talks (only their ids, those that the socket was in and the actor still takes part in),
     * and what it has missed, up to last_number: talk_messages (without receipts) of those talks,
     * of after the socket joined; marks on the actor's messages in any talk that the actor still
     * takes part in, of after the socket was opened; each in the order of their numbers. The socket
     * is now opened at `now` · E_NOT_FOUND: no such socket of this actor, or it has missed
     * something that is older than `since`, or more than `limit` together */
    CF_STORE_SOCKET_RECOVER,
    /* room (the new id), name (may be empty), actor, client_id?, now → rooms, created. Same (actor,
     * client_id) again: the first group, created = false · E_CONFLICT (another name; the id is
     * taken) */
    CF_STORE_GROUP_CREATE,
    /* room, actor (a member), user, user_name, now → group_events (JOINED), created. Who is in
     * already: when they joined (stamp), created = false · E_NOT_MEMBER */
    CF_STORE_GROUP_JOIN,
    /* room, actor (who made the group, or the user itself), user, now → group_events (LEFT) ·
     * E_NOT_MEMBER, E_FORBIDDEN, E_NOT_FOUND */
    CF_STORE_GROUP_LEAVE,
    /* group_kind (MESSAGE, THREAD, REPLY), room (MESSAGE, THREAD) or thread (REPLY), message (the
     * new id), name (THREAD: the title), text, client_id?, actor, now → group_events, created. Same
     * (group, actor, client_id) again: the first event, created = false; E_CONFLICT when its kind,
     * thread, title or text is another, or the new id is taken · E_NOT_MEMBER; REPLY: E_NOT_FOUND
     * (unknown thread, or the actor is not in its group) */
    CF_STORE_GROUP_POST,
    /* thread, message (the new id), text (the metadata), size, quota, client_id?, actor, now →
     * media, created: its bytes may come. Same (group, actor, client_id) again, not dead: the first
     * one, created = false; E_CONFLICT when its thread, size or metadata is another · E_NOT_FOUND
     * (thread), E_FULL (the group's media that are not dead would have more than `quota` bytes) */
    CF_STORE_GROUP_MEDIA_OPEN,
    /* message, actor (whose upload it is), ttl, now → group_events (MEDIA), media, created: it is
     * complete, and expires `ttl` after its stamp. Complete already: the first event, created =
     * false · E_NOT_FOUND (also: dead) */
    CF_STORE_GROUP_MEDIA_DONE,
    /* message, actor (the author, or who made the group), now: it is dead: its file is to be
     * removed · E_NOT_FOUND (as of MEDIA_GET), E_FORBIDDEN */
    CF_STORE_GROUP_MEDIA_DELETE,
    /* now, since, limit → uuids: at most `limit` media that are dead, made dead by this: complete
     * ones that have expired by `now`, incomplete ones that were opened before `since`, and those
     * that were dead before */
    CF_STORE_GROUP_MEDIA_CONDEMN,
    /* uuids: forgets those of them that are dead */
    CF_STORE_GROUP_MEDIA_FORGET,

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

/* Conversations ("talks"): direct ones between two, and groups. Every message, and every mark on
 * one, has a number: 1, 2, 3 … over the whole store, in commit order, never given twice; a
 * message's number is its id. Numbers may have gaps. */
enum cf_talk_kind { CF_TALK_DIRECT, CF_TALK_GROUP };

enum cf_talk_range {
    CF_TALK_NEWEST,    /* the last `limit`; has_more: there are older ones */
    CF_TALK_SINCE,     /* created at or after the time `from`; has_more: there are newer ones */
    CF_TALK_AFTER_SEQ, /* seq > from; has_more: there are newer ones */
    CF_TALK_BEFORE,    /* the last `limit` of seq < from; has_more: there are older ones */
};

enum cf_talk_mark_kind { CF_MARK_DELIVERED, CF_MARK_READ };

/* A mark on a message by one who is not its author. */
struct cf_talk_mark {
    int64_t number;
    int64_t message, talk;
    struct cf_slice author; /* of the message: who is to be told; ptr == NULL: nobody */
    struct cf_slice user;
    enum cf_talk_mark_kind kind;
    cf_us at;
};

struct cf_talk_receipt {
    struct cf_slice user;
    cf_us delivered, read; /* 0: not yet */
};

struct cf_talk_message {
    int64_t id; /* its number */
    int64_t talk;
    uint64_t seq; /* 1, 2, 3 … within the talk, without a gap, in commit order */
    struct cf_slice author, author_name;
    struct cf_slice text, client_id;
    cf_us created;                    /* strictly increasing within the talk, in commit order */
    struct cf_talk_receipt *receipts; /* by user; only of TALK_MESSAGES */
    size_t receipts_count;
};

struct cf_talk_person {
    struct cf_slice user, name;
    cf_us joined;
};

struct cf_talk_row {
    int64_t id; /* 1, 2, 3 … over both kinds */
    enum cf_talk_kind kind;
    struct cf_slice title, created_by;
    cf_us created;
    uint64_t last_seq;
    uint64_t unread;               /* by the actor: others' messages behind the furthest one read */
    struct cf_talk_person *people; /* by joined time */
    size_t people_count;
    struct cf_talk_message *last; /* NULL: none; without receipts */
};

/* Groups: what is end-to-end encrypted, in one log of events a group. The strings of its people are
 * base64, never looked into. A stamp is milliseconds of the wall clock, given at the commit:
 * strictly increasing within a group, never decreasing over all groups of a store, whatever the
 * clock does. */
enum cf_group_event_kind {
    CF_GROUP_MESSAGE = 1,
    CF_GROUP_THREAD = 2,
    CF_GROUP_REPLY = 4,
    CF_GROUP_MEDIA = 8,
    CF_GROUP_JOINED = 16,
    CF_GROUP_LEFT = 32,
    CF_GROUP_ALL = 63,
};

enum cf_group_range {
    CF_GROUP_NEWEST, /* the last `limit`; has_more: there are older ones */
    CF_GROUP_SINCE,  /* stamp >= from; has_more: there are newer ones */
    CF_GROUP_BEFORE, /* the last `limit` of stamp < from; has_more: there are older ones */
};

/* As many bytes of strings end a page of events; as many, an event's row counted in, end a stamp,
 * so that a page, which does not end within one, comes to its end. */
enum { CF_GROUP_PAGE_BYTES = 4 * 1024 * 1024, CF_GROUP_STAMP_BYTES = 1024 * 1024 };

struct cf_group_event {
    enum cf_group_event_kind kind;
    int64_t stamp; /* ms; when it was created, too */
    struct cf_uuid group;
    struct cf_uuid id;               /* of the message, thread, reply or media; nil: JOINED, LEFT */
    struct cf_uuid thread;           /* REPLY, MEDIA; THREAD: its own id; else nil */
    struct cf_slice user, user_name; /* the author; who joined or left. The name as of then */
    struct cf_slice title;           /* THREAD */
    struct cf_slice text;            /* envelope, body; MEDIA: metadata */
    uint64_t size;                   /* MEDIA: bytes */
    cf_us expires;                   /* MEDIA */
};

/* How a store gives stamps. */
struct cf_group_clock {
    int64_t stamp; /* the highest given */
    size_t bytes;  /* of the events that have it */
};

/* An event's strings. */
size_t cf_group_event_bytes(const struct cf_group_event *event);
/* The stamp of what happens at `now` in a group whose last one is `last`. */
int64_t cf_group_clock_next(const struct cf_group_clock *clock, cf_us now, int64_t last);
/* It is given, to an event of so many bytes. */
void cf_group_clock_give(struct cf_group_clock *clock, int64_t stamp, size_t bytes);

/* An upload, and what becomes of it. */
enum cf_group_media_state { CF_MEDIA_INCOMPLETE, CF_MEDIA_COMPLETE, CF_MEDIA_DEAD };

struct cf_group_media {
    struct cf_uuid id, group, thread;
    struct cf_slice author, author_name;
    struct cf_slice metadata;
    uint64_t size;
    cf_us opened;  /* the OPEN's now */
    cf_us expires; /* COMPLETE; else 0 */
    enum cf_group_media_state state;
};

struct cf_store_request {
    struct cf_list link; /* whoever owns the request may queue it by this */
    enum cf_store_op op;
    void *owner;     /* the submitter's, untouched */
    uint64_t ticket; /* the submitter's, untouched */
    size_t place;    /* the submitter's, untouched */
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
    int64_t talk, number, from;
    enum cf_talk_kind talk_kind;
    enum cf_talk_range range;
    enum cf_talk_mark_kind mark;
    struct cf_slice *users; /* in the arena */
    size_t users_count;
    struct cf_slice pid, sid; /* sid: also out of RECOVER */
    struct cf_uuid thread;
    struct cf_uuid *uuids; /* in the arena; of CONDEMN, and of GROUPS_AMONG, also out */
    size_t uuids_count;
    enum cf_group_event_kind group_kind;
    unsigned kinds; /* enum cf_group_event_kind, or-ed */
    enum cf_group_range group_range;
    uint64_t size, quota;
    cf_us ttl;

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
    int64_t last_number;       /* the highest number given by then */
    struct cf_talk_row *talks;
    size_t talks_count;
    struct cf_talk_message *talk_messages;
    size_t talk_messages_count;
    struct cf_talk_mark *marks;
    size_t marks_count;
    struct cf_group_event *group_events;
    size_t group_events_count;
    struct cf_group_media media;
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
    int64_t number; /* the highest that a message or mark of a talk has */
    int64_t stamp;  /* none less than this will be given: the highest given; before the first one,
                      the time of the opening */
    bool writable;  /* false: reads only (disk full, I/O error) */
};

/* A zeroed request with an empty arena of at most 8 MiB. NULL without memory. */
struct cf_store_request *cf_store_request_new(enum cf_store_op op);
/* NULL is allowed. */
void cf_store_request_free(struct cf_store_request *request);
/* A store's answer with `error`, and with no results. */
void cf_store_request_refuse(struct cf_store_request *request, enum cf_error error);

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
