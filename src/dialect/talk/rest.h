/* The REST half of conversations, for history, sync and clients that poll: paths and bodies to
 * store requests, results to JSON. The counterpart of shop/rest.h.
 *
 *     cf_talk_match(segments, method, &match)            which operation is it
 *     cf_talk_ask(&call, &asker, &request, &problem)     its store request
 *     cf_talk_answer(op, request, &status, body, …)      the answer, when it came back */
#ifndef CF_DIALECT_TALK_REST_H
#define CF_DIALECT_TALK_REST_H

#include "chat/talk.h"
#include "dialect/rest/match.h"
#include "dialect/rest/problem.h"

enum cf_talk_op {
    CF_TALK_OP_CREATE,
    CF_TALK_OP_LIST,
    CF_TALK_OP_ADD,
    CF_TALK_OP_REMOVE,
    CF_TALK_OP_MESSAGES,
    CF_TALK_OP_SEND,
};

/* `segments`: the decoded path after `/api`, beginning with "conversations". Errors as of
 * cf_rest_match. */
enum cf_error cf_talk_match(const struct cf_slice *segments, size_t count, struct cf_slice method,
                            struct cf_rest_match *out_match);

struct cf_talk_call {
    struct cf_rest_match match;
    struct cf_slice body;                            /* JSON, or empty */
    struct cf_slice since, after_seq, before, limit; /* query parameters; ptr == NULL: absent */
    const uint8_t *hash_key;                         /* 16 bytes, for the JSON reader */
};

/* The store request of a call. Any error but CF_E_NOMEM has its *out_problem filled in. */
enum cf_error cf_talk_ask(const struct cf_talk_call *call, const struct cf_asker *asker,
                          struct cf_store_request **out_request, struct cf_problem *out_problem);
/* The answer of a finished request: status and JSON body. A failed one: *out_problem, whose status
 * is else 0. CF_E_NOMEM, CF_E_TOO_LARGE. */
enum cf_error cf_talk_answer(enum cf_talk_op op, const struct cf_store_request *done,
                             unsigned *out_status, struct cf_buf *body,
                             struct cf_problem *out_problem);
/* 429 for who sends more than the rate. */
struct cf_problem cf_talk_too_often(cf_ms retry_ms);

#endif
