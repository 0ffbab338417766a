#include "edge/uv/mailbox.h"

void cf_mailbox_init(struct cf_mailbox *mailbox, struct cf_loop *loop)
{
    CF_ASSERT(pthread_mutex_init(&mailbox->lock, NULL) == 0);
    cf_list_init(&mailbox->items);
    mailbox->loop = loop;
}

void cf_mailbox_deinit(struct cf_mailbox *mailbox)
{
    CF_ASSERT(cf_list_empty(&mailbox->items));
    CF_ASSERT(pthread_mutex_destroy(&mailbox->lock) == 0);
}

/* Only the post that finds the box empty wakes: whoever finds something in it came between a wake
 * and its take. */
void cf_mailbox_post(struct cf_mailbox *mailbox, struct cf_list *items)
{
    if (cf_list_empty(items))
        return;
    pthread_mutex_lock(&mailbox->lock);
    bool first = cf_list_empty(&mailbox->items);
    cf_list_splice_back(&mailbox->items, items);
    pthread_mutex_unlock(&mailbox->lock);
    if (first)
        cf_loop_wake(mailbox->loop);
}

void cf_mailbox_take(struct cf_mailbox *mailbox, struct cf_list *out_items)
{
    pthread_mutex_lock(&mailbox->lock);
    cf_list_splice_back(out_items, &mailbox->items);
    pthread_mutex_unlock(&mailbox->lock);
}
