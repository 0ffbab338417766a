#include <stdio.h>

#include "dialect/orbital/rest.h"
#include "server/blob_state.h"

enum { LINES_MAX = 512 };

const struct cf_problem cf_blob_is_held = {
    .status = 423,
    .code = "upload_held",
    .message = "Another connection is sending this upload; it is being told to let go. Try again.",
    .retry_after_s = 1};
const struct cf_problem cf_blob_is_elsewhere = {
    .status = 409,
    .code = "wrong_offset",
    .message = "The upload is not at this offset. Ask with HEAD where it is, and go on from there.",
    .field = "Upload-Offset"};
const struct cf_problem cf_blob_has_more = {
    .status = 413,
    .code = "too_large",
    .message = "There are more bytes than the upload was declared to have."};

struct cf_problem cf_blob_problem_of(enum cf_error error)
{
    struct cf_problem problem =
        cf_problem_of(error == CF_E_IO || error == CF_E_STATE ? CF_E_UNAVAILABLE : error);
    if (error == CF_E_FULL)
        problem.message = "The server's disk is full. What was stored so far is kept: go on with "
                          "it when there is room.";
    return problem;
}

static void answer_offset(struct cf_blob *blob, struct cf_answer *answer)
{
    static const unsigned statuses[] = {
        [CF_BLOB_CREATION] = 201, [CF_BLOB_HEAD] = 200, [CF_BLOB_PATCH] = 204};
    char lines[LINES_MAX], location[LINES_MAX / 2] = "", length[LINES_MAX / 4] = "";
    if (blob->kind == CF_BLOB_CREATION)
        snprintf(location, sizeof(location), "Location: /v1/uploads/%s\r\n", blob->name);
    if (blob->kind == CF_BLOB_HEAD)
        snprintf(length, sizeof(length), "Upload-Length: %llu\r\n", (unsigned long long)blob->size);
    int len = snprintf(lines, sizeof(lines), "Tus-Resumable: 1.0.0\r\nUpload-Offset: %llu\r\n%s%s",
                       (unsigned long long)blob->taken, location, length);
    answer->status = statuses[blob->kind];
    answer->extra = cf_slice_of(lines, (size_t)len);
    cf_exchange_answer(blob->exchange, answer);
}

/* Before the end of the body the rest of it is not wanted. */
void cf_blob_answer(struct cf_blob *blob)
{
    struct cf_answer answer = {.close = blob->has_body && !blob->ended};
    cf_conn_resume(&blob->exchange->web->session->conn);
    switch (blob->reply) {
    case CF_BLOB_QUIET:
        break;
    case CF_BLOB_REFUSE:
        answer.problem = &blob->refusal;
        cf_exchange_answer(blob->exchange, &answer);
        break;
    case CF_BLOB_TELL_OFFSET:
        blob->is_ours = false; /* the client can go on with it */
        answer_offset(blob, &answer);
        break;
    case CF_BLOB_TELL_MEDIA:
        answer.status = blob->status;
        answer.body = cf_buf_peek(&blob->worker->scratch);
        cf_exchange_answer(blob->exchange, &answer);
        break;
    }
}
