/* What workers are sent by other threads. */
#ifndef CF_SERVER_MAIL_H
#define CF_SERVER_MAIL_H

#include <stdatomic.h>

#include "base/list.h"
#include "chat/event.h"

/* Events in the order in which every worker is to tell them; shared by all workers. */
struct cf_batch {
    atomic_uint refs;
    cf_us made;
    bool lost; /* an event could not be made: every stream must come again and fetch */
    size_t count;
    struct cf_event *events[];
};

enum cf_mail_kind {
    CF_MAIL_NEWS,   /* a commit's events, and those of its requests that are this worker's */
    CF_MAIL_ASK,    /* poll.h: a request of a Socket.IO session that lives here */
    CF_MAIL_TELL,   /* poll.h: what came of it */
    CF_MAIL_GONE,   /* poll.h: its connection went away */
    CF_MAIL_MOVE,   /* poll.h: a connection that is to be a session's WebSocket */
    CF_MAIL_FOUND,  /* lost.h: a socket was recovered, its former lives are over */
    CF_MAIL_LET_GO, /* holds.h: the connection `ticket` has `upload`, which another one wants */
    CF_MAIL_PROBE,  /* the stream `ticket` must show life */
};

struct cf_mail {
    struct cf_list link;
    enum cf_mail_kind kind;
    /* NEWS: finished struct cf_store_request, in the order of the commit. `place` of the batch's
     * events come before each, its own among them. */
    struct cf_list requests;
    struct cf_batch *batch; /* NEWS: a reference, or NULL */
    void *poll;             /* ASK, TELL, GONE, MOVE: its struct, owned */
    uint64_t ticket;        /* LET_GO, PROBE */
    struct cf_uuid upload;  /* LET_GO */
    uint8_t pid[24];        /* FOUND */
    cf_us opened;           /* FOUND: the new life's */
};

/* Room for `count` events, with one reference. NULL without memory. */
struct cf_batch *cf_batch_new(size_t count);
struct cf_batch *cf_batch_ref(struct cf_batch *batch);
/* NULL is allowed. */
void cf_batch_unref(struct cf_batch *batch);
/* NULL without memory. */
struct cf_mail *cf_mail_new(enum cf_mail_kind kind);
/* The requests must have been taken off. */
void cf_mail_free(struct cf_mail *mail);

#endif
