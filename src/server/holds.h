/* Which connection is writing an upload: one at a time, over all workers. */
#ifndef CF_SERVER_HOLDS_H
#define CF_SERVER_HOLDS_H

#include "server/server.h"

/* Part of who holds; does not move while it is held. */
struct cf_hold {
    struct cf_uuid upload;
    struct cf_seat_place place;
    bool held;
    bool ended; /* the upload is no more; under the lock while it is held */
};

/* CF_E_CONFLICT: another connection has it, and is told to let go: the next try gets it.
 * CF_E_NOMEM.
 */
enum cf_error cf_hold_take(struct cf_server *server, struct cf_hold *hold);
/* The upload is no more: whoever writes it is told to let go. */
void cf_hold_end(struct cf_server *server, const struct cf_uuid *upload);
/* True: the upload has ended meanwhile, and what was written since then is to be removed. Harmless
 * when it is not held. */
bool cf_hold_drop(struct cf_server *server, struct cf_hold *hold);

#endif
