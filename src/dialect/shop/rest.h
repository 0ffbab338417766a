/* The REST half of shop streams: paths and bodies to store requests, results to JSON. Knows HTTP's
 * words (methods, statuses) but not its wire.
 *
 *     cf_shop_match(segments, method, &match)            which operation is it
 *     cf_shop_ask(&call, &asker, &request, &problem)     its store request
 *     cf_shop_answer(op, request, &status, body)         the answer, when it came back */
#ifndef CF_DIALECT_SHOP_REST_H
#define CF_DIALECT_SHOP_REST_H

#include "chat/command.h"
#include "dialect/rest/problem.h"

enum cf_shop_op {
    CF_SHOP_CREATE,
    CF_SHOP_LIST,
    CF_SHOP_MEMBERS,
    CF_SHOP_MEMBER_PUT,
    CF_SHOP_MEMBER_REMOVE,
    CF_SHOP_MESSAGE_POST,
    CF_SHOP_MESSAGE_EDIT,
    CF_SHOP_MESSAGE_DELETE,
    CF_SHOP_MESSAGES,
    CF_SHOP_MESSAGES_PAGE,
    CF_SHOP_IMAGE_UPLOAD, /* a stream of bytes: the composition's, see upload.h */
    CF_SHOP_IMAGE_GET,    /* the store request tells the media name */
    CF_SHOP_IMAGE_DELETE,
    CF_SHOP_STREAM, /* an upgrade: the composition's; the store request is the membership */
};

struct cf_shop_match {
    enum cf_shop_op op;
    struct cf_slice args[2]; /* the path's parameters, in order */
    const char *allow;       /* the path's methods, for Allow; set for CF_E_UNSUPPORTED too */
};

/* `segments`: the decoded path after the API prefix, beginning with "shops". GET stands for HEAD
 * too. CF_E_NOT_FOUND (404); CF_E_UNSUPPORTED (405, with allow). */
enum cf_error cf_shop_match(const struct cf_slice *segments, size_t count, struct cf_slice method,
                            struct cf_shop_match *out_match);

struct cf_shop_call {
    struct cf_shop_match match;
    struct cf_slice body;               /* JSON, or empty */
    struct cf_slice idempotency_key;    /* the header; ptr == NULL: none */
    struct cf_slice page, limit, since; /* query parameters; ptr == NULL: absent */
    const uint8_t *hash_key;            /* 16 bytes, for the JSON reader */
};

/* The store request of a call; for all operations but IMAGE_UPLOAD. Any error but CF_E_NOMEM has
 * its *out_problem filled in: 400 (broken JSON, a path id that is no UUID), 413, 422 with `field`.
 */
enum cf_error cf_shop_ask(const struct cf_shop_call *call, const struct cf_asker *asker,
                          struct cf_store_request **out_request, struct cf_problem *out_problem);
/* What a failed store request means to its asker. An unknown shop and one that the asker is no
 * member of are the same; so are an unknown message and one that they may not see. */
struct cf_problem cf_shop_problem_of(enum cf_store_op op, enum cf_error error);
/* The answer of a finished request that went well: status and JSON body (empty for a 204). A failed
 * one: CF_OK too, with the problem's status and body; *out_problem then holds it (Retry-After),
 * else its status is 0. CF_E_NOMEM, CF_E_TOO_LARGE; CF_E_STATE for an IMAGE_GET or STREAM that went
 * well, since what they answer is the composition's. */
enum cf_error cf_shop_answer(enum cf_shop_op op, const struct cf_store_request *done,
                             unsigned *out_status, struct cf_buf *body,
                             struct cf_problem *out_problem);

#endif
