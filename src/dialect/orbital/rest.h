/* The REST half of Orbital: paths and bodies to store requests, results to JSON. The counterpart of
 * shop/rest.h and talk/rest.h.
 *
 *     cf_orbital_match(segments, method, &match)         which operation is it
 *     cf_orbital_ask(&call, &asker, &request, &problem)  its store request
 *     cf_orbital_answer(op, request, &status, body, …)   the answer, when it came back */
#ifndef CF_DIALECT_ORBITAL_REST_H
#define CF_DIALECT_ORBITAL_REST_H

#include "chat/group.h"
#include "dialect/rest/match.h"
#include "dialect/rest/problem.h"

enum cf_orbital_op {
    CF_ORBITAL_OP_GROUP_CREATE,  /* POST   /v1/groups {name?, client_message_id?} */
    CF_ORBITAL_OP_GROUPS,        /* GET    /v1/groups?before&limit */
    CF_ORBITAL_OP_MEMBERS,       /* GET    /v1/groups/:id/members */
    CF_ORBITAL_OP_MEMBER_ADD,    /* POST   /v1/groups/:id/members {user_id, username?} */
    CF_ORBITAL_OP_MEMBER_REMOVE, /* DELETE /v1/groups/:id/members/:user_id */
    CF_ORBITAL_OP_SEND,          /* POST   /v1/messages {conversation_id, encrypted_envelope,
                                    client_message_id?} */
    CF_ORBITAL_OP_MESSAGES,      /* GET    /v1/messages?since&conversation_id&limit */
    CF_ORBITAL_OP_EVENTS,        /* GET    /v1/events?since&group_id&limit */
    CF_ORBITAL_OP_THREAD_CREATE, /* POST   /v1/groups/:id/threads {encrypted_title, encrypted_body,
                                    client_message_id?} */
    CF_ORBITAL_OP_THREADS,       /* GET    /v1/groups/:id/threads?before&limit */
    CF_ORBITAL_OP_REPLY,         /* POST   /v1/threads/:id/replies {encrypted_body,
                                    client_message_id?} */
    CF_ORBITAL_OP_REPLIES,       /* GET    /v1/threads/:id/replies?before&limit */
    /* A stream of bytes: the composition's. */
    CF_ORBITAL_OP_MEDIA_POST,   /* POST   /v1/threads/:id/media */
    CF_ORBITAL_OP_MEDIA_GET,    /* GET    /v1/media/:id */
    CF_ORBITAL_OP_MEDIA_DELETE, /* DELETE /v1/media/:id */
    CF_ORBITAL_OP_UPLOAD_HEAD,  /* GET    /v1/uploads/:id (HEAD; tus) */
    CF_ORBITAL_OP_UPLOAD_PATCH, /* PATCH  /v1/uploads/:id (tus) */
};

/* JSON bodies: a title and a body of full size, in base64. */
enum { CF_ORBITAL_BODY_MAX = 768 * 1024 };

/* `segments`: the decoded path after `/v1`. GET stands for HEAD too. Errors as of cf_rest_match. */
enum cf_error cf_orbital_match(const struct cf_slice *segments, size_t count,
                               struct cf_slice method, struct cf_rest_match *out_match);

struct cf_orbital_call {
    struct cf_rest_match match;
    struct cf_slice body;                 /* JSON, or empty */
    struct cf_slice idempotency_key;      /* the header; ptr == NULL: none */
    struct cf_slice since, before, limit; /* query parameters; ptr == NULL: absent */
    struct cf_slice group_id;             /* conversation_id or group_id, the same */
    const uint8_t *hash_key;              /* 16 bytes, for the JSON reader */
};

/* The store request of a call; for all operations up to REPLIES, and MEDIA_GET, MEDIA_DELETE,
 * UPLOAD_HEAD and UPLOAD_PATCH (the last two: CF_STORE_GROUP_MEDIA_GET). Any error but CF_E_NOMEM
 * has its *out_problem filled in. */
enum cf_error cf_orbital_ask(const struct cf_orbital_call *call, const struct cf_asker *asker,
                             struct cf_store_request **out_request, struct cf_problem *out_problem);
/* A path's UUID, for MEDIA_POST: CF_E_INVALID with the 400. */
enum cf_error cf_orbital_path_id(const struct cf_rest_match *match, struct cf_uuid *out_id,
                                 struct cf_problem *out_problem);
/* What a failed store request means to its asker. */
struct cf_problem cf_orbital_problem_of(enum cf_store_op op, enum cf_error error);
/* What a value against a rule of chat/group.h means to the asker of MEDIA_POST. */
struct cf_problem cf_orbital_problem_field(enum cf_error error, enum cf_chat_field field);
/* The answer of a finished request: status and JSON body. A failed one: *out_problem, whose status
 * is else 0. MEDIA_POST's is that of a CF_STORE_GROUP_MEDIA_DONE; MEDIA_GET and UPLOAD_* are the
 * composition's. CF_E_NOMEM, CF_E_TOO_LARGE. */
enum cf_error cf_orbital_answer(enum cf_orbital_op op, const struct cf_store_request *done,
                                unsigned *out_status, struct cf_buf *body,
                                struct cf_problem *out_problem);

#endif
