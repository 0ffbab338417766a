/* What a client says on a socket: events to what they ask for. */
#ifndef CF_DIALECT_TALK_HEAR_H
#define CF_DIALECT_TALK_HEAR_H

#include "chat/talk.h"
#include "dialect/sio/args.h"

enum cf_talk_verb {
    CF_TALK_UNKNOWN, /* no event of ours: ignored, as the reference server does */
    CF_TALK_JOIN,
    CF_TALK_LEAVE,
    CF_TALK_SAY,
    CF_TALK_DELIVERED,
    CF_TALK_READ,
    CF_TALK_TYPING_ON,
    CF_TALK_TYPING_OFF,
};

struct cf_talk_heard {
    enum cf_talk_verb verb;
    int64_t id;                      /* of the talk, or of the message */
    struct cf_slice text, client_id; /* SAY; in the arena */
};

/* Reads an event. CF_E_INVALID and the errors of the JSON reader: *out_why says in words what is
 * wrong; out_heard->verb is set in any case, and client_id when there was a readable one.
 * CF_E_NOMEM. */
enum cf_error cf_talk_hear(const struct cf_sio_args *args, const struct cf_json_limits *limits,
                           const uint8_t hash_key[16], struct cf_arena *arena,
                           struct cf_talk_heard *out_heard, const char **out_why);
/* What a rule of chat/talk.h that was broken is, in words. */
const char *cf_talk_rule(enum cf_chat_field field);
/* The `token` and, for connection state recovery, `pid` and `offset` of a CONNECT's auth; ptr ==
 * NULL where there is none. CF_E_NOMEM; anything else that is wrong leaves them NULL. */
struct cf_talk_auth {
    struct cf_slice token, pid, offset;
};
enum cf_error cf_talk_auth_read(struct cf_slice auth, const struct cf_json_limits *limits,
                                const uint8_t hash_key[16], struct cf_arena *arena,
                                struct cf_talk_auth *out_auth);

#endif
