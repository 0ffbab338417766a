/* What an Orbital client says: one JSON object a text frame, {"type","data","timestamp"}. */
#ifndef CF_DIALECT_ORBITAL_HEAR_H
#define CF_DIALECT_ORBITAL_HEAR_H

#include "base/arena.h"
#include "base/uuid.h"

enum cf_orbital_verb {
    CF_ORBITAL_BAD_JSON, /* no JSON object, or one without a string `type` */
    CF_ORBITAL_UNKNOWN,  /* a type that is none of ours */
    CF_ORBITAL_INVALID,  /* its data lack something; `rule` says what */
    CF_ORBITAL_SUBSCRIBE,
    CF_ORBITAL_UNSUBSCRIBE,
    CF_ORBITAL_PING,
    CF_ORBITAL_PONG,
    CF_ORBITAL_TYPING,
};

struct cf_orbital_heard {
    enum cf_orbital_verb verb;
    const char *rule; /* INVALID: in words */
    /* SUBSCRIBE, UNSUBSCRIBE: the ids as they were sent, at most CF_GROUP_AMONG_MAX, in the arena.
     * One that is no UUID is no group that anybody is a member of. */
    struct cf_slice *groups;
    size_t groups_count;
    struct cf_uuid thread; /* TYPING */
    bool typing;
};

/* Reads a frame's text. `data` of PING and PONG may be missing; unknown members are skipped, but
 * must be JSON without duplicate keys, at most 32 levels deep. CF_E_NOMEM. */
enum cf_error cf_orbital_hear(struct cf_slice text, const uint8_t hash_key[16],
                              struct cf_arena *arena, struct cf_orbital_heard *out_heard);

#endif
