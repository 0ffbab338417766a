/* What the files of an upload share: blob_head.c reads what is asked, blob.c carries it out,
 * blob_answer.c says what came of it. Nobody else includes it. */
#ifndef CF_SERVER_BLOB_STATE_H
#define CF_SERVER_BLOB_STATE_H

#include "server/blob.h"
#include "server/holds.h"

enum cf_blob_kind {
    CF_BLOB_WHOLE,    /* POST in one go */
    CF_BLOB_CREATION, /* POST of tus, with or without a first part */
    CF_BLOB_HEAD,
    CF_BLOB_PATCH,
};

enum cf_blob_step {
    CF_BLOB_ASKING,   /* the store opens it, or says what it is */
    CF_BLOB_OPENING,  /* its file */
    CF_BLOB_CLEARING, /* what an earlier request in one go has left: opened again then */
    CF_BLOB_TAKING,
    CF_BLOB_SYNCING,
    CF_BLOB_COMMITTING, /* the file gets its name */
    CF_BLOB_ANNOUNCING, /* the store completes it */
};

enum cf_blob_reply {
    CF_BLOB_QUIET,       /* there is nothing to answer yet */
    CF_BLOB_REFUSE,      /* refusal */
    CF_BLOB_TELL_OFFSET, /* taken */
    CF_BLOB_TELL_MEDIA,  /* the object, in the worker's scratch */
};

struct cf_blob {
    struct cf_job job;
    struct cf_worker *worker;
    struct cf_exchange *exchange; /* NULL: gone */
    struct cf_identity identity;
    enum cf_blob_kind kind;
    enum cf_blob_step step;
    enum cf_blob_reply reply;
    bool waiting;  /* for the store or the file, one thing at a time */
    bool has_body; /* the request does */
    bool ended;    /* and it is over */
    bool has_key;  /* Idempotency-Key */
    bool named;    /* the file has its name from this request */
    bool is_ours;  /* a row that nobody can go on with, and that goes when this request fails */
    struct cf_uuid id;
    uint64_t size;  /* of the whole upload */
    uint64_t taken; /* where this request began, and what it has brought since */
    struct cf_hold hold;
    struct cf_media_writer *writer;
    struct cf_buf chunk; /* bytes that wait for the file */
    struct cf_problem refusal;
    unsigned status; /* TELL_MEDIA */
    char name[CF_MEDIA_NAME_MAX];
};

/* blob_head.c: what the head asks for, and the store's request for it. CF_E_INVALID with the
 * refusal in blob->refusal, CF_E_NOMEM. */
enum cf_error cf_blob_read(struct cf_blob *blob, const struct cf_http_head *head,
                           struct cf_store_request **out_request);

/* blob_answer.c: answers blob->reply; the exchange is gone then. */
void cf_blob_answer(struct cf_blob *blob);
extern const struct cf_problem cf_blob_is_held, cf_blob_is_elsewhere, cf_blob_has_more;
/* What an error of the file, or of the store, means to the one who uploads. */
struct cf_problem cf_blob_problem_of(enum cf_error error);

static inline struct cf_asker cf_blob_asker(const struct cf_blob *blob)
{
    return (struct cf_asker){&blob->identity, &blob->worker->server->entropy,
                             cf_worker_now(blob->worker)};
}

#endif
