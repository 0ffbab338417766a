/* Something that happened in a room: immutable, reference-counted, shared by every worker. Made
 * after the commit that it tells of (or, for what is not stored, when it happens). */
#ifndef CF_CHAT_EVENT_H
#define CF_CHAT_EVENT_H

#include <stdatomic.h>

#include "port/store.h"

enum cf_event_kind {
    CF_EVENT_MESSAGE,
    CF_EVENT_MESSAGE_EDITED,  /* the text or the image changed */
    CF_EVENT_MESSAGE_DELETED, /* message.id */
    CF_EVENT_MEMBER_REMOVED,  /* user */
    CF_EVENT_PRESENCE,        /* user, on */
    CF_EVENT_TYPING,          /* user, on */
    CF_EVENT_READ,            /* user, message.id */
    CF_EVENT_REACTION,        /* user, message.id, reaction, on: added or taken back */
    /* of conversations */
    CF_EVENT_TALK_MESSAGE, /* talk_message */
    CF_EVENT_TALK_MARK,    /* mark; told in the room of the message's author */
    CF_EVENT_TALK_LEFT,    /* talk, user: takes no part any more */
    CF_EVENT_TALK_HERE,    /* talk, user, on: came or went */
    CF_EVENT_TALK_TYPING,  /* talk, user, on */
    /* of encrypted groups */
    CF_EVENT_GROUP,        /* group_event */
    CF_EVENT_GROUP_TYPING, /* thread, user, on */
};

/* Whose socket an event comes from, and is not told to; ticket 0: nobody's. */
struct cf_event_source {
    uint32_t worker;
    uint64_t ticket;
};

struct cf_event {
    atomic_uint refs;
    enum cf_event_kind kind;
    struct cf_uuid room;
    struct cf_message_row message;
    struct cf_slice user, user_name;
    struct cf_slice reaction;
    int64_t talk;
    struct cf_talk_message talk_message;
    struct cf_talk_mark mark;
    struct cf_group_event group_event;
    struct cf_uuid thread;
    struct cf_event_source source;
    bool on;
    cf_us at;
    uint8_t bytes[]; /* what the slices point at */
};

/* The event of a finished write. *out_event NULL: nothing to tell (a read, a failure, a retry that
 * stored nothing). `hash_key`: what cf_talk_user_room is given. CF_E_NOMEM. */
enum cf_error cf_event_of(const struct cf_store_request *done, const uint8_t hash_key[16],
                          struct cf_event **out_event);
/* An event that is not stored; its slices (message only by id) are copied from `like`. CF_E_NOMEM.
 */
enum cf_error cf_event_new(const struct cf_event *like, struct cf_event **out_event);
struct cf_event *cf_event_ref(struct cf_event *event);
/* NULL is allowed. */
void cf_event_unref(struct cf_event *event);

#endif
