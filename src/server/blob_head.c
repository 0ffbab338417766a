/* What an upload's request asks for (tus resumable upload protocol 1.0.0). */
#include <stdio.h>

#include "dialect/orbital/rest.h"
#include "server/blob_state.h"

static const struct cf_problem bad_version = {
    .status = 412,
    .code = "tus_version",
    .message = "Only version 1.0.0 of the tus protocol is spoken. Send Tus-Resumable: 1.0.0.",
    .field = "Tus-Resumable"};
static const struct cf_problem no_length = {
    .status = 411,
    .code = "length_required",
    .message = "Say how long the upload is: Content-Length, or Upload-Length by the tus protocol."};
static const struct cf_problem bad_length = {
    .status = 400,
    .code = "bad_upload_length",
    .message = "Upload-Length must be a whole number of bytes, given when the upload is created.",
    .field = "Upload-Length"};
static const struct cf_problem bad_offset = {
    .status = 400,
    .code = "bad_upload_offset",
    .message = "Upload-Offset must say where the bytes of this request begin.",
    .field = "Upload-Offset"};
static const struct cf_problem bad_type = {
    .status = 415,
    .code = "unsupported_media_type",
    .message = "The part of an upload has Content-Type: application/offset+octet-stream."};

static enum cf_error refuse(struct cf_blob *blob, const struct cf_problem *problem)
{
    blob->refusal = *problem;
    return CF_E_INVALID;
}

static bool header_number(const struct cf_http_head *head, const char *name, uint64_t *out_value)
{
    return cf_http_header_count(head, name) == 1 &&
           cf_slice_to_u64(cf_http_header_get(head, name), out_value);
}

static enum cf_error check_version(struct cf_blob *blob, const struct cf_http_head *head)
{
    blob->exchange->extra = CF_LIT("Tus-Resumable: 1.0.0\r\n");
    if (cf_slice_eq(cf_http_header_get(head, "Tus-Resumable"), CF_LIT("1.0.0")))
        return CF_OK;
    blob->exchange->extra = CF_LIT("Tus-Resumable: 1.0.0\r\nTus-Version: 1.0.0\r\n");
    return refuse(blob, &bad_version);
}

static bool is_part(const struct cf_http_head *head)
{
    return cf_slice_eq_nocase(cf_http_header_get(head, "Content-Type"),
                              CF_LIT("application/offset+octet-stream"));
}

static enum cf_error read_creation(struct cf_blob *blob, const struct cf_http_head *head)
{
    blob->kind = CF_BLOB_CREATION;
    enum cf_error error = check_version(blob, head);
    if (error != CF_OK)
        return error;
    if (!header_number(head, "Upload-Length", &blob->size))
        return refuse(blob, &bad_length);
    if (head->length > blob->size)
        return refuse(blob, &cf_blob_has_more);
    return blob->has_body && !is_part(head) ? refuse(blob, &bad_type) : CF_OK;
}

static enum cf_error read_whole(struct cf_blob *blob, const struct cf_http_head *head)
{
    blob->kind = CF_BLOB_WHOLE;
    blob->size = head->length;
    return head->chunked ? refuse(blob, &no_length) : CF_OK;
}

static enum cf_error read_post(struct cf_blob *blob, const struct cf_http_head *head,
                               struct cf_store_request **out_request)
{
    const struct cf_config *config = blob->worker->server->config;
    bool tus = cf_http_header_get(head, "Tus-Resumable").ptr != NULL;
    struct cf_asker asker = cf_blob_asker(blob);
    struct cf_group_upload upload = {
        .metadata = cf_http_header_get(head, "X-Encrypted-Metadata"),
        .client_id = blob->exchange->idempotency_key,
        .size_max = config->orbital_media_bytes,
        .quota = config->orbital_group_quota,
    };
    enum cf_error error = tus ? read_creation(blob, head) : read_whole(blob, head);
    if (error != CF_OK)
        return error;
    error = cf_orbital_path_id(&blob->exchange->rest_match, &upload.thread, &blob->refusal);
    if (error != CF_OK)
        return error;
    enum cf_chat_field field = CF_FIELD_NONE;
    upload.size = blob->size;
    error = cf_group_media_open(&asker, &upload, out_request, &field);
    if (error == CF_OK || error == CF_E_NOMEM)
        return error;
    struct cf_problem problem = cf_orbital_problem_field(error, field);
    return refuse(blob, &problem);
}

static enum cf_error read_rest(struct cf_blob *blob, const struct cf_http_head *head,
                               struct cf_store_request **out_request)
{
    bool patch = blob->kind == CF_BLOB_PATCH;
    enum cf_error error = check_version(blob, head);
    if (error != CF_OK)
        return error;
    if (patch && !is_part(head))
        return refuse(blob, &bad_type);
    if (patch && !header_number(head, "Upload-Offset", &blob->taken))
        return refuse(blob, &bad_offset);
    struct cf_asker asker = cf_blob_asker(blob);
    struct cf_orbital_call call = {.match = blob->exchange->rest_match};
    error = cf_orbital_ask(&call, &asker, out_request, &blob->refusal);
    return error == CF_OK || error == CF_E_NOMEM ? error : CF_E_INVALID;
}

enum cf_error cf_blob_read(struct cf_blob *blob, const struct cf_http_head *head,
                           struct cf_store_request **out_request)
{
    switch (blob->exchange->rest_match.op) {
    case CF_ORBITAL_OP_UPLOAD_HEAD:
        blob->kind = CF_BLOB_HEAD;
        return read_rest(blob, head, out_request);
    case CF_ORBITAL_OP_UPLOAD_PATCH:
        blob->kind = CF_BLOB_PATCH;
        return read_rest(blob, head, out_request);
    default:
        return read_post(blob, head, out_request);
    }
}

enum cf_error cf_blob_options(const struct cf_exchange *exchange, struct cf_buf *out)
{
    char lines[256];
    const struct cf_config *config = exchange->web->session->worker->server->config;
    int len = snprintf(lines, sizeof(lines),
                       "Tus-Resumable: 1.0.0\r\nTus-Version: 1.0.0\r\n"
                       "Tus-Extension: creation,creation-with-upload\r\n"
                       "Tus-Max-Size: %llu\r\n",
                       (unsigned long long)config->orbital_media_bytes);
    return cf_buf_append(out, cf_slice_of(lines, (size_t)len));
}
