/* What other threads have for a worker: lists of nodes, taken over in one go with one wake-up
 * however many were sent. The order of one sender's posts is kept, and of all senders' that are
 * ordered among themselves. */
#ifndef CF_EDGE_UV_MAILBOX_H
#define CF_EDGE_UV_MAILBOX_H

#include <pthread.h>

#include "base/list.h"
#include "edge/uv/loop.h"

struct cf_mailbox {
    pthread_mutex_t lock;
    struct cf_list items;
    struct cf_loop *loop; /* woken when the first item comes */
};

void cf_mailbox_init(struct cf_mailbox *mailbox, struct cf_loop *loop);
void cf_mailbox_deinit(struct cf_mailbox *mailbox);
/* Moves all nodes of `items` in, in order; from any thread. */
void cf_mailbox_post(struct cf_mailbox *mailbox, struct cf_list *items);
/* Moves everything out to the (empty) list. */
void cf_mailbox_take(struct cf_mailbox *mailbox, struct cf_list *out_items);

#endif
