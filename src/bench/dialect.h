/* What rooms, streams and messages are called in a dialect that has them. */
#ifndef CF_BENCH_LOAD_DIALECT_H
#define CF_BENCH_LOAD_DIALECT_H

#include "base/uuid.h"
#include "bench/client.h"

struct load_dialect {
    const char *rooms;                 /* path that makes one; its members are below it */
    const char *room_id;               /* what stands before its id in the answer */
    const char *stream, *stream_end;   /* path around the room's id; without an end: the same for
                                          all rooms */
    const char *messages;              /* path that posts one */
    const char *room_name, *text_name; /* members of its JSON */
    bool sealed;                       /* texts are base64 */
    load_take_fn *take;
    /* Asks for a room's messages, where opening the stream has not; run->subscribed counts the
     * answers. */
    void (*subscribe)(struct load_listener *listener, const char room[CF_UUID_LEN]);
};

extern const struct load_dialect load_shops, load_groups;

#endif
