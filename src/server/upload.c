#include "server/upload.h"

#include <stdlib.h>
#include <string.h>

#include "dialect/shop/upload.h"
#include "wire/http/multipart.h"

/* Bytes come faster than a disk takes them: one chunk is written at a time, and while it is the
 * connection is not read. `input` then holds at most what one read had brought. */
struct cf_upload {
    struct cf_exchange *exchange;
    struct cf_multipart multipart;
    struct cf_shop_upload fields;
    struct cf_buf input; /* body bytes not yet parsed */
    struct cf_buf chunk; /* image bytes not yet written */
    uint64_t image_bytes;
    struct cf_media_writer *writer;
    enum cf_shop_image image;
    bool writing;               /* the file is busy */
    bool in_image;              /* the part that is coming is the image */
    bool parsed;                /* the closing delimiter has been seen */
    bool ended;                 /* the request's body is over */
    bool committing, committed; /* the file gets its name, has it */
    struct cf_problem refusal;  /* status 0: none */
    char name[CF_MEDIA_NAME_MAX];
};

enum { INPUT_MAX = 1024 * 1024 };

static struct cf_worker *worker_of(const struct cf_upload *upload)
{
    return upload->exchange->web->session->worker;
}

static const struct cf_problem no_image = {.status = 415,
                                           .code = "unsupported_image",
                                           .message =
                                               "The file is no JPEG, PNG, GIF or WebP image.",
                                           .field = "image"};
static const struct cf_problem too_large = {.status = 413,
                                            .code = "too_large",
                                            .message = "An image may have at most 10 MiB.",
                                            .field = "image"};
static const struct cf_problem bad_form = {.status = 400,
                                           .code = "malformed_form",
                                           .message = "The body is no well-formed "
                                                      "multipart/form-data."};

enum cf_error cf_upload_begin(struct cf_exchange *exchange, struct cf_slice content_type)
{
    struct cf_upload *upload = calloc(1, sizeof(*upload));
    if (upload == NULL)
        return CF_E_NOMEM;
    upload->exchange = exchange;
    cf_shop_upload_init(&upload->fields);
    cf_buf_init(&upload->input, INPUT_MAX);
    cf_buf_init(&upload->chunk, INPUT_MAX);
    enum cf_error error = cf_multipart_init(&upload->multipart, content_type);
    exchange->upload = upload;
    if (error == CF_E_UNSUPPORTED)
        exchange->refusal = cf_problem_status(415);
    else if (error == CF_E_SYNTAX)
        exchange->refusal = bad_form;
    return error == CF_E_NOMEM ? error : CF_OK;
}

void cf_upload_free(struct cf_upload *upload)
{
    if (upload == NULL)
        return;
    cf_media_writer_free(upload->writer);
    cf_multipart_deinit(&upload->multipart);
    cf_shop_upload_deinit(&upload->fields);
    cf_buf_deinit(&upload->input);
    cf_buf_deinit(&upload->chunk);
    free(upload);
}

/* Remembered here, answered by settle(): the answer frees the upload with its exchange. */
static void refuse(struct cf_upload *upload, const struct cf_problem *problem)
{
    if (upload->refusal.status == 0)
        upload->refusal = *problem;
}

static void fail(struct cf_upload *upload, enum cf_error error)
{
    struct cf_problem problem = cf_problem_of(error);
    refuse(upload, &problem);
}

/* The last thing that every entry does. Before the end of the body the rest of it is not wanted. */
static void settle(struct cf_upload *upload)
{
    if (upload->refusal.status == 0)
        return;
    struct cf_problem problem = upload->refusal;
    struct cf_answer answer = {.problem = &problem, .close = !upload->ended};
    cf_exchange_answer(upload->exchange, &answer);
}

static void file_done(void *context, enum cf_error error);

static void busy(struct cf_upload *upload)
{
    upload->writing = true;
    cf_conn_pause(&upload->exchange->web->session->conn);
}

/* A name that nobody chose but us. */
static void name_file(struct cf_upload *upload, const char *extension)
{
    struct cf_worker *worker = worker_of(upload);
    const struct cf_entropy *entropy = &worker->server->entropy;
    uint8_t random[10];
    entropy->fill(entropy->context, random, sizeof(random));
    struct cf_uuid uuid = cf_uuid_v7(cf_worker_now(worker).us, random);
    cf_uuid_format(&uuid, upload->name);
    size_t len = strlen(extension);
    upload->name[CF_UUID_LEN] = '.';
    memcpy(upload->name + CF_UUID_LEN + 1, extension, len + 1);
}

/* Creates the file, or writes the collected chunk to it. */
static void write_chunk(struct cf_upload *upload)
{
    struct cf_worker *worker = worker_of(upload);
    enum cf_error error = CF_OK;
    if (upload->writer == NULL) {
        upload->writer = cf_media_writer_new(&worker->server->media, cf_loop_uv(worker->loop),
                                             upload->name, file_done, upload);
        error = upload->writer == NULL ? CF_E_NOMEM : CF_OK;
    } else {
        error = cf_media_write(upload->writer, cf_buf_peek(&upload->chunk));
        cf_buf_reset(&upload->chunk);
    }
    if (error == CF_OK)
        busy(upload);
    else
        fail(upload, error);
}

static void sniff(struct cf_upload *upload)
{
    struct cf_slice head = cf_slice_head(cf_buf_peek(&upload->chunk), CF_SHOP_SNIFF_BYTES);
    upload->image = cf_shop_image_sniff(head);
    if (upload->image == CF_IMAGE_NONE)
        refuse(upload, &no_image);
    else
        name_file(upload, cf_shop_image_extension(upload->image));
}

static enum cf_error take_image(struct cf_upload *upload, struct cf_slice bytes)
{
    upload->image_bytes += bytes.len;
    if (upload->image_bytes > CF_SHOP_IMAGE_MAX) {
        refuse(upload, &too_large);
        return CF_OK;
    }
    enum cf_error error = cf_buf_append(&upload->chunk, bytes);
    if (error == CF_OK && upload->image == CF_IMAGE_NONE &&
        upload->chunk.len >= CF_SHOP_SNIFF_BYTES)
        sniff(upload);
    return error;
}

static enum cf_error begin_part(struct cf_upload *upload, struct cf_slice name)
{
    enum cf_shop_part part;
    enum cf_error error = cf_shop_upload_part(&upload->fields, name, &part);
    upload->in_image = part == CF_SHOP_PART_IMAGE;
    if (error == CF_E_DUPLICATE)
        refuse(upload, &bad_form);
    return error == CF_E_NOMEM ? error : CF_OK;
}

static enum cf_error end_part(struct cf_upload *upload)
{
    if (!upload->in_image)
        return CF_OK;
    upload->in_image = false;
    if (upload->image == CF_IMAGE_NONE)
        sniff(upload); /* a file shorter than what is sniffed */
    return CF_OK;
}

static enum cf_error handle(struct cf_upload *upload, const struct cf_multipart_event *event)
{
    switch (event->type) {
    case CF_MULTIPART_NEED_MORE:
        return CF_OK;
    case CF_MULTIPART_PART:
        return begin_part(upload, event->name);
    case CF_MULTIPART_DATA:
        return upload->in_image ? take_image(upload, event->data)
                                : cf_shop_upload_text(&upload->fields, event->data);
    case CF_MULTIPART_PART_END:
        return end_part(upload);
    case CF_MULTIPART_END:
        upload->parsed = true;
        return CF_OK;
    }
    return CF_E_STATE;
}

static bool chunk_full(const struct cf_upload *upload)
{
    return upload->chunk.len >= CF_MEDIA_CHUNK;
}

/* Parses what is there until it is used up, a chunk is full, or the request is refused. */
static void parse(struct cf_upload *upload)
{
    struct cf_slice input = cf_buf_peek(&upload->input);
    while (!upload->parsed && !chunk_full(upload) && upload->refusal.status == 0) {
        struct cf_multipart_event event;
        enum cf_error error = cf_multipart_next(&upload->multipart, &input, &event);
        if (error == CF_OK && event.type == CF_MULTIPART_NEED_MORE)
            break;
        if (error == CF_OK && (error = handle(upload, &event)) != CF_OK)
            fail(upload, error);
        else if (error != CF_OK)
            refuse(upload, &bad_form);
    }
    cf_buf_consume(&upload->input, upload->input.len - input.len);
}

static void ask_store(struct cf_upload *upload)
{
    struct cf_exchange *exchange = upload->exchange;
    struct cf_worker *worker = worker_of(upload);
    struct cf_asker asker = {&exchange->identity, &worker->server->entropy, cf_worker_now(worker)};
    struct cf_slice name = {NULL, 0};
    if (upload->committed)
        name = cf_slice_cstr(upload->name);
    struct cf_store_request *request;
    struct cf_problem problem = {.status = 0};
    enum cf_error error = cf_shop_upload_ask(&upload->fields, name, exchange->idempotency_key,
                                             &asker, &request, &problem);
    if (error == CF_OK) {
        cf_worker_submit(worker, &worker->rest_job, exchange->web->session->ticket, request);
        return;
    }
    if (upload->committed)
        cf_media_remove(&worker->server->media, cf_loop_uv(worker->loop), name);
    if (problem.status != 0)
        refuse(upload, &problem);
    else
        fail(upload, error);
}

/* Everything has come: what is left of the image, its name, then the message. */
static void finish(struct cf_upload *upload)
{
    if (!upload->parsed) {
        refuse(upload, &bad_form);
    } else if (upload->chunk.len > 0) {
        write_chunk(upload);
    } else if (upload->writer != NULL && !upload->committed) {
        enum cf_error error = cf_media_commit(upload->writer, upload->name);
        upload->committing = true;
        if (error == CF_OK)
            busy(upload);
        else
            fail(upload, error);
    } else {
        ask_store(upload);
    }
}

static void step(struct cf_upload *upload)
{
    if (upload->writing || upload->refusal.status != 0)
        return;
    if (!chunk_full(upload))
        parse(upload);
    if (upload->refusal.status != 0)
        return;
    if (chunk_full(upload))
        write_chunk(upload);
    else if (upload->ended)
        finish(upload);
}

static void file_done(void *context, enum cf_error error)
{
    struct cf_upload *upload = context;
    upload->writing = false;
    cf_conn_resume(&upload->exchange->web->session->conn);
    if (error != CF_OK)
        fail(upload, CF_E_UNAVAILABLE);
    else if (upload->committing)
        upload->committed = true;
    step(upload);
    settle(upload);
}

enum cf_error cf_upload_body(struct cf_exchange *exchange, struct cf_slice bytes)
{
    struct cf_upload *upload = exchange->upload;
    if (exchange->refusal.status != 0 || upload->refusal.status != 0)
        return CF_OK;
    enum cf_error error = cf_buf_append(&upload->input, bytes);
    if (error != CF_OK)
        return error;
    step(upload);
    settle(upload);
    return CF_OK;
}

void cf_upload_end(struct cf_exchange *exchange)
{
    struct cf_upload *upload = exchange->upload;
    upload->ended = true;
    step(upload);
    settle(upload);
}

static void remove_file(struct cf_worker *worker, struct cf_slice name)
{
    if (name.ptr != NULL)
        cf_media_remove(&worker->server->media, cf_loop_uv(worker->loop), name);
}

/* An image that came with a request and is not the message's now. When the outcome is unknown the
 * file stays: the message may be there. */
static bool orphaned(const struct cf_store_request *request)
{
    if (request->image.ptr == NULL || request->error == CF_E_UNAVAILABLE)
        return false;
    return request->error != CF_OK || (request->op == CF_STORE_MESSAGE_CREATE && !request->created);
}

void cf_upload_clean(struct cf_worker *worker, const struct cf_store_request *request)
{
    if (orphaned(request))
        remove_file(worker, request->image);
    if (request->error != CF_OK)
        return;
    if (request->op == CF_STORE_MESSAGE_DELETE)
        remove_file(worker, request->messages[0].image);
    else if (request->op == CF_STORE_MESSAGE_IMAGE_SET ||
             request->op == CF_STORE_MESSAGE_IMAGE_REMOVE)
        remove_file(worker, request->old_image);
}
