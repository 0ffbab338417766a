#include "server/blob.h"

#include <stdlib.h>

#include "dialect/orbital/rest.h"
#include "server/blob_state.h"

enum {
    CHUNK_MAX = 512 * 1024, /* gathers while the file is busy; then the peer has to wait */
    CHUNK_SLACK = 1024 * 1024,
};

static void file_done(void *context, enum cf_error error);
static void store_done(struct cf_worker *worker, struct cf_session *session,
                       struct cf_store_request *request);

static uv_loop_t *loop_of(const struct cf_blob *blob)
{
    return cf_loop_uv(blob->worker->loop);
}

/* ---- the end ---- */

static void destroy(struct cf_blob *blob)
{
    struct cf_worker *worker = blob->worker;
    cf_media_writer_free(blob->writer);
    if (cf_hold_drop(worker->server, &blob->hold))
        cf_blob_discard(worker, &blob->id); /* its file may have come behind the removal */
    cf_buf_deinit(&blob->chunk);
    free(blob);
    cf_worker_work_done(worker);
}

static void ask(struct cf_blob *blob, struct cf_store_request *request)
{
    uint64_t ticket = blob->exchange == NULL ? 0 : blob->exchange->web->session->ticket;
    blob->waiting = true;
    cf_worker_submit(blob->worker, &blob->job, ticket, request);
}

/* An upload that nobody can go on with: in one go, or a creation whose client has neither been told
 * its place nor has a key to ask again with. The store is told, then the file goes. */
static bool abandon(struct cf_blob *blob)
{
    struct cf_asker asker = cf_blob_asker(blob);
    struct cf_store_request *request;
    if (!blob->is_ours)
        return false;
    blob->is_ours = false;
    if (cf_group_media(&asker, CF_STORE_GROUP_MEDIA_DELETE, blob->id, 0, &request) != CF_OK)
        return false; /* the sweeper finds it, in a day */
    ask(blob, request);
    return true;
}

/* The exchange is gone: what runs still has to end, since it works on the file. */
static void end(struct cf_blob *blob)
{
    if (!blob->waiting && !abandon(blob))
        destroy(blob);
}

bool cf_blob_waits(const struct cf_blob *blob, const struct cf_uuid *upload)
{
    return blob->step == CF_BLOB_TAKING && !blob->ended && cf_uuid_eq(&blob->id, upload);
}

void cf_blob_leave(struct cf_blob *blob)
{
    if (blob == NULL)
        return;
    blob->exchange = NULL;
    end(blob);
}

/* What is to be answered is remembered, and answered by settle(), the last thing that every entry
 * does: the answer frees the exchange, and perhaps the upload. */
static void refuse(struct cf_blob *blob, const struct cf_problem *problem)
{
    blob->reply = CF_BLOB_REFUSE;
    blob->refusal = *problem;
}

static void fail(struct cf_blob *blob, enum cf_error error)
{
    struct cf_problem problem = cf_blob_problem_of(error);
    refuse(blob, &problem);
}

static void settle(struct cf_blob *blob)
{
    if (blob->reply != CF_BLOB_QUIET)
        cf_blob_answer(blob);
}

/* ---- the file ---- */

/* A file operation has been started: `error` is that of the start. */
static void started(struct cf_blob *blob, enum cf_blob_step step, enum cf_error error)
{
    blob->step = step;
    blob->waiting = error == CF_OK;
    if (error != CF_OK)
        fail(blob, error);
}

static void open_file(struct cf_blob *blob)
{
    blob->writer = cf_media_writer_resume(&blob->worker->server->blobs, loop_of(blob), blob->name,
                                          file_done, blob);
    started(blob, CF_BLOB_OPENING, blob->writer == NULL ? CF_E_NOMEM : CF_OK);
}

/* Nobody else may write the file meanwhile. */
static bool take_hold(struct cf_blob *blob)
{
    blob->hold.upload = blob->id;
    blob->hold.place =
        (struct cf_seat_place){blob->worker->index, blob->exchange->web->session->ticket};
    enum cf_error error = cf_hold_take(blob->worker->server, &blob->hold);
    if (error == CF_E_CONFLICT) {
        refuse(blob, &cf_blob_is_held);
        blob->is_ours = false; /* even if this request has opened it: its retry goes on with it */
    } else if (error != CF_OK) {
        fail(blob, error);
    }
    return error == CF_OK;
}

static void commit(struct cf_blob *blob)
{
    started(blob, CF_BLOB_COMMITTING, cf_media_commit(blob->writer, blob->name));
}

/* From here on the store decides whether it is complete. */
static void announce(struct cf_blob *blob)
{
    const struct cf_config *config = blob->worker->server->config;
    uint64_t ttl_s = config->orbital_media_ttl_s;
    if (ttl_s == 0)
        ttl_s = config->orbital_media_ttl_days * 86400;
    struct cf_asker asker = cf_blob_asker(blob);
    struct cf_store_request *request;
    enum cf_error error = cf_group_media(&asker, CF_STORE_GROUP_MEDIA_DONE, blob->id,
                                         (cf_us)ttl_s * 1000000, &request);
    if (error != CF_OK) {
        fail(blob, error);
        return;
    }
    blob->step = CF_BLOB_ANNOUNCING;
    blob->is_ours = false;
    ask(blob, request);
}

/* The next thing to do while bytes come. */
static void take(struct cf_blob *blob)
{
    if (blob->step != CF_BLOB_TAKING || blob->waiting || blob->reply != CF_BLOB_QUIET)
        return;
    if (blob->taken > blob->size) {
        refuse(blob, &cf_blob_has_more);
    } else if (blob->chunk.len > 0) {
        started(blob, CF_BLOB_TAKING, cf_media_write_take(blob->writer, &blob->chunk));
        cf_conn_resume(&blob->exchange->web->session->conn);
    } else if (blob->ended && blob->taken == blob->size) {
        commit(blob);
    } else if (blob->ended) {
        started(blob, CF_BLOB_SYNCING, cf_media_sync(blob->writer));
    }
}

static void begin_taking(struct cf_blob *blob)
{
    blob->step = CF_BLOB_TAKING;
    cf_conn_resume(&blob->exchange->web->session->conn);
    if (blob->exchange->expects_continue && !blob->ended)
        cf_exchange_continue(blob->exchange);
    take(blob);
}

/* One in one go begins at the beginning, whatever is there. */
static void clear_file(struct cf_blob *blob)
{
    cf_media_writer_free(blob->writer);
    blob->writer = NULL;
    started(
        blob, CF_BLOB_CLEARING,
        cf_media_discard(&blob->worker->server->blobs, loop_of(blob), blob->name, file_done, blob));
}

/* A creation that is asked again does not know where the first has got to: it is told, and the
 * bytes that it brings are not needed. */
static void file_opened(struct cf_blob *blob)
{
    uint64_t there = cf_media_writer_size(blob->writer);
    uint64_t begun = blob->taken - blob->chunk.len;
    bool whole = blob->kind == CF_BLOB_WHOLE;
    bool again = blob->kind == CF_BLOB_CREATION && there > 0;
    bool asks = blob->kind == CF_BLOB_HEAD || again;
    if (cf_media_writer_committed(blob->writer)) {
        announce(blob); /* by one who could not tell anybody, or has by now */
        return;
    }
    blob->is_ours = blob->is_ours || whole;
    if (whole && there > 0) {
        clear_file(blob);
    } else if (asks && there == blob->size) {
        commit(blob);
    } else if (asks) {
        blob->taken = there;
        blob->reply = CF_BLOB_TELL_OFFSET;
    } else if (begun != there) {
        refuse(blob, &cf_blob_is_elsewhere);
    } else {
        begin_taking(blob);
    }
}

static void file_committed(struct cf_blob *blob)
{
    blob->named = true;
    announce(blob);
}

static void file_done(void *context, enum cf_error error)
{
    struct cf_blob *blob = context;
    blob->waiting = false;
    if (blob->exchange == NULL) {
        end(blob);
        return;
    }
    if (error != CF_OK)
        fail(blob, error);
    else if (blob->step == CF_BLOB_CLEARING)
        open_file(blob);
    else if (blob->step == CF_BLOB_OPENING)
        file_opened(blob);
    else if (blob->step == CF_BLOB_TAKING)
        take(blob);
    else if (blob->step == CF_BLOB_SYNCING)
        blob->reply = CF_BLOB_TELL_OFFSET;
    else if (blob->step == CF_BLOB_COMMITTING)
        file_committed(blob);
    settle(blob);
}

/* ---- the store ---- */

/* It was complete before: there is nothing to take. */
static void was_complete(struct cf_blob *blob)
{
    if (blob->kind == CF_BLOB_WHOLE) {
        announce(blob); /* for the event that it was announced with */
    } else if (blob->kind == CF_BLOB_PATCH && blob->taken - blob->chunk.len != blob->size) {
        refuse(blob, &cf_blob_is_elsewhere);
    } else if (blob->kind == CF_BLOB_PATCH && blob->has_body) {
        refuse(blob, &cf_blob_has_more);
    } else {
        blob->taken = blob->size;
        blob->reply = CF_BLOB_TELL_OFFSET;
    }
}

static void store_opened(struct cf_blob *blob, const struct cf_store_request *request)
{
    blob->id = request->media.id;
    blob->size = request->media.size;
    cf_uuid_format(&blob->id, blob->name);
    if (request->media.state == CF_MEDIA_COMPLETE)
        was_complete(blob);
    else if (blob->kind == CF_BLOB_CREATION && !blob->has_body)
        blob->reply = CF_BLOB_TELL_OFFSET;
    else if (take_hold(blob))
        open_file(blob);
}

static void store_completed(struct cf_blob *blob, const struct cf_store_request *request)
{
    struct cf_buf *text = &blob->worker->scratch;
    blob->taken = blob->size;
    blob->reply = CF_BLOB_TELL_OFFSET;
    if (blob->kind != CF_BLOB_WHOLE)
        return;
    cf_buf_reset(text);
    blob->reply = CF_BLOB_TELL_MEDIA;
    enum cf_error error =
        cf_orbital_answer(CF_ORBITAL_OP_MEDIA_POST, request, &blob->status, text, &blob->refusal);
    if (error != CF_OK)
        fail(blob, error);
}

/* It has a file that nobody was told of, or can go on with. Who is no member any more is refused
 * even when the upload was complete before. */
static bool leaves_file(const struct cf_blob *blob, const struct cf_store_request *request)
{
    if (request->error != CF_E_NOT_FOUND)
        return false;
    if (request->op == CF_STORE_GROUP_MEDIA_DELETE)
        return blob->hold.held;
    return request->op == CF_STORE_GROUP_MEDIA_DONE && blob->named;
}

/* What holds whether anybody waits for it or not. */
static void note(struct cf_blob *blob, const struct cf_store_request *request)
{
    struct cf_worker *worker = blob->worker;
    bool done = request->error == CF_OK;
    if (request->op == CF_STORE_GROUP_MEDIA_OPEN && done && request->created) {
        blob->id = request->media.id;
        blob->is_ours = blob->kind == CF_BLOB_WHOLE || !blob->has_key;
    }
    if (request->op == CF_STORE_GROUP_MEDIA_DONE && done && request->created)
        cf_count(&worker->metrics, CF_COUNT_MEDIA_UPLOADED);
    bool deleted = request->op == CF_STORE_GROUP_MEDIA_DELETE && done;
    if (deleted || leaves_file(blob, request))
        cf_blob_discard(worker, &blob->id);
}

static void store_done(struct cf_worker *worker, struct cf_session *session,
                       struct cf_store_request *request)
{
    struct cf_blob *blob = CF_CONTAINER_OF(request->owner, struct cf_blob, job);
    (void)worker;
    (void)session; /* its exchange says goodbye by itself: cf_blob_leave */
    blob->waiting = false;
    note(blob, request);
    if (blob->exchange == NULL) {
        end(blob);
    } else {
        struct cf_problem problem = cf_orbital_problem_of(request->op, request->error);
        if (request->error != CF_OK)
            refuse(blob, &problem);
        else if (request->op == CF_STORE_GROUP_MEDIA_DONE)
            store_completed(blob, request);
        else
            store_opened(blob, request);
        settle(blob);
    }
    cf_store_request_free(request);
}

/* ---- the request ---- */

enum cf_error cf_blob_begin(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    struct cf_blob *blob = calloc(1, sizeof(*blob));
    struct cf_store_request *request;
    if (blob == NULL)
        return CF_E_NOMEM;
    struct cf_worker *worker = exchange->web->session->worker;
    worker->works++;
    exchange->blob = blob;
    blob->exchange = exchange;
    blob->worker = worker;
    blob->job = (struct cf_job){worker, store_done};
    blob->identity = exchange->identity;
    blob->has_body = head->chunked || head->length > 0;
    blob->has_key = exchange->idempotency_key.ptr != NULL;
    cf_buf_init(&blob->chunk, CHUNK_MAX + CHUNK_SLACK);
    enum cf_error error = cf_blob_read(blob, head, &request);
    if (error == CF_E_INVALID)
        exchange->refusal = blob->refusal;
    if (error != CF_OK)
        return error == CF_E_INVALID ? CF_OK : error;
    ask(blob, request);
    cf_conn_pause(&exchange->web->session->conn);
    return CF_OK;
}

enum cf_error cf_blob_body(struct cf_exchange *exchange, struct cf_slice bytes)
{
    struct cf_blob *blob = exchange->blob;
    if (exchange->refusal.status != 0)
        return CF_OK;
    enum cf_error error = cf_buf_append(&blob->chunk, bytes);
    if (error != CF_OK)
        return error;
    blob->taken += bytes.len;
    cf_count_add(&blob->worker->metrics, CF_COUNT_MEDIA_BYTES, bytes.len);
    if (blob->chunk.len >= CHUNK_MAX)
        cf_conn_pause(&exchange->web->session->conn);
    take(blob);
    settle(blob);
    return CF_OK;
}

void cf_blob_end(struct cf_exchange *exchange)
{
    struct cf_blob *blob = exchange->blob;
    blob->ended = true;
    take(blob);
    settle(blob);
}

/* ---- files of dead media ---- */

static void discarded(void *context, enum cf_error error)
{
    (void)error; /* logged; the sweeper comes by again */
    cf_worker_work_done(context);
}

void cf_blob_discard(struct cf_worker *worker, const struct cf_uuid *media)
{
    char name[CF_MEDIA_NAME_MAX] = {0};
    cf_uuid_format(media, name);
    if (cf_media_discard(&worker->server->blobs, cf_loop_uv(worker->loop), name, discarded,
                         worker) == CF_OK)
        worker->works++;
}
