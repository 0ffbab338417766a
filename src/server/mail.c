#include "server/mail.h"

#include <stdlib.h>

struct cf_batch *cf_batch_new(size_t count)
{
    struct cf_batch *batch = calloc(1, sizeof(*batch) + count * sizeof(batch->events[0]));
    if (batch != NULL)
        atomic_init(&batch->refs, 1);
    return batch;
}

struct cf_batch *cf_batch_ref(struct cf_batch *batch)
{
    atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
    return batch;
}

void cf_batch_unref(struct cf_batch *batch)
{
    if (batch == NULL || atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < batch->count; i++)
        cf_event_unref(batch->events[i]);
    free(batch);
}

struct cf_mail *cf_mail_new(enum cf_mail_kind kind)
{
    struct cf_mail *mail = calloc(1, sizeof(*mail));
    if (mail == NULL)
        return NULL;
    cf_list_init(&mail->link);
    cf_list_init(&mail->requests);
    mail->kind = kind;
    return mail;
}

void cf_mail_free(struct cf_mail *mail)
{
    CF_ASSERT(cf_list_empty(&mail->requests));
    cf_batch_unref(mail->batch);
    free(mail);
}
