#include "dialect/rest/problem.h"

#include "base/assert.h"
#include "json/writer.h"

enum { RETRY_SOON_S = 1 };

/* ---- errors ---- */

static const struct cf_problem malformed = {
    .status = 400,
    .code = "malformed",
    .message = "The request cannot be read. Check its form.",
};
static const struct cf_problem internal = {
    .status = 500,
    .code = "internal",
    .message = "Something went wrong on our side. Try again later.",
};
static const struct cf_problem unavailable = {
    .status = 503,
    .code = "unavailable",
    .message = "The service cannot do this just now. Try again in a moment.",
    .retry_after_s = RETRY_SOON_S,
};
static const struct cf_problem unauthorized = {
    .status = 401,
    .code = "unauthorized",
    .message = "A valid token is needed. Sign in and send it as Authorization: Bearer.",
};
static const struct cf_problem expired = {
    .status = 401,
    .code = "token_expired",
    .message = "The token has expired. Get a new one and try again.",
};
static const struct cf_problem not_member = {
    .status = 403,
    .code = "not_member",
    .message = "You are not a member. Ask an admin to add you.",
};
static const struct cf_problem forbidden = {
    .status = 403,
    .code = "forbidden",
    .message = "You are not allowed to do this.",
};
static const struct cf_problem not_found = {
    .status = 404,
    .code = "not_found",
    .message = "There is nothing here that you could see. Check the path and the ids.",
};
static const struct cf_problem timeout = {
    .status = 408,
    .code = "timeout",
    .message = "The request took too long to arrive. Send it again.",
};
static const struct cf_problem conflict = {
    .status = 409,
    .code = "conflict",
    .message = "This conflicts with what is stored.",
};
static const struct cf_problem too_large = {
    .status = 413,
    .code = "too_large",
    .message = "The body is too large. Send less.",
};
static const struct cf_problem unsupported = {
    .status = 415,
    .code = "unsupported_media_type",
    .message = "The body has a content type that is not accepted here.",
};
static const struct cf_problem invalid = {
    .status = 422,
    .code = "invalid",
    .message = "A value is against a rule.",
};
static const struct cf_problem too_often = {
    .status = 429,
    .code = "rate_limited",
    .message = "Too many requests. Wait before the next.",
    .retry_after_s = RETRY_SOON_S,
};

static const struct cf_problem full = {
    .status = 507,
    .code = "insufficient_storage",
    .message = "There is no space left for this. Delete something, or ask who runs the server.",
};

struct cf_problem cf_problem_of(enum cf_error error)
{
    switch (error) {
    case CF_E_SYNTAX:
    case CF_E_UTF8:
    case CF_E_DUPLICATE:
    case CF_E_TRUNCATED:
    case CF_E_PROTOCOL:
    case CF_E_CLOSED:
    case CF_E_TOO_DEEP:
        return malformed;
    case CF_E_UNSUPPORTED:
        return unsupported;
    case CF_E_TIMEOUT:
        return timeout;
    case CF_E_UNAUTHENTICATED:
        return unauthorized;
    case CF_E_EXPIRED:
        return expired;
    case CF_E_NOT_MEMBER:
        return not_member;
    case CF_E_FORBIDDEN:
        return forbidden;
    case CF_E_NOT_FOUND:
        return not_found;
    case CF_E_INVALID:
        return invalid;
    case CF_E_CONFLICT:
        return conflict;
    case CF_E_TOO_LARGE:
        return too_large;
    case CF_E_TOO_MANY:
    case CF_E_RATE:
        return too_often;
    case CF_E_FULL:
        return full;
    case CF_E_SLOW:
    case CF_E_NOMEM:
    case CF_E_UNAVAILABLE:
        return unavailable;
    case CF_OK:
    case CF_E_IO:
    case CF_E_STATE:
        break;
    }
    return internal;
}

/* ---- statuses of the HTTP layer ---- */

static const struct cf_problem statuses[] = {
    {.status = 400,
     .code = "bad_request",
     .message = "The request is not well-formed HTTP/1.1 (RFC 9112)."},
    {.status = 404, .code = "not_found", .message = "There is nothing at this path."},
    {.status = 405,
     .code = "method_not_allowed",
     .message = "This path does not know the method. The Allow header names those that it knows."},
    {.status = 414, .code = "uri_too_long", .message = "The URL is too long."},
    {.status = 417,
     .code = "expectation_failed",
     .message = "The only expectation that can be met is 100-continue."},
    {.status = 426,
     .code = "upgrade_required",
     .message = "Upgrade to WebSocket version 13 (RFC 6455)."},
    {.status = 431,
     .code = "headers_too_large",
     .message = "The headers are too large or too many. Send fewer."},
    {.status = 501,
     .code = "not_implemented",
     .message = "The method or the transfer coding is not known here."},
    {.status = 505, .code = "http_version", .message = "Only HTTP/1.1 and HTTP/1.0 are spoken."},
};

struct cf_problem cf_problem_status(unsigned status)
{
    switch (status) {
    case 408:
        return timeout;
    case 413:
        return too_large;
    case 415:
        return unsupported;
    case 503:
        return unavailable;
    default:
        break;
    }
    for (size_t i = 0; i < CF_ARRAY_LEN(statuses); i++) {
        if (statuses[i].status == status)
            return statuses[i];
    }
    return internal;
}

/* ---- the body ---- */

struct cf_problem cf_problem_field(enum cf_error error, const char *field, const char *rule)
{
    return (struct cf_problem){
        .status = 422,
        .code = error == CF_E_TOO_LARGE ? "too_long" : "invalid",
        .message = rule,
        .field = field,
    };
}

struct cf_problem cf_problem_body(enum cf_error error)
{
    if (error == CF_E_TOO_LARGE)
        return too_large;
    return (struct cf_problem){
        .status = 400,
        .code = "malformed_json",
        .message = "The body must be one JSON object in UTF-8, without duplicate keys, at most 32 "
                   "levels deep.",
    };
}

enum cf_error cf_problem_write(const struct cf_problem *problem, struct cf_slice incident,
                               struct cf_buf *out)
{
    struct cf_slice message = cf_slice_cstr(problem->message);
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    cf_json_object_begin(&w);
    cf_json_key(&w, CF_LIT("error"));
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "code", cf_slice_cstr(problem->code));
    cf_json_member_string(&w, "message", message);
    if (problem->field != NULL)
        cf_json_member_string(&w, "field", cf_slice_cstr(problem->field));
    if (incident.len > 0)
        cf_json_member_string(&w, "incident", incident);
    cf_json_object_end(&w);
    cf_json_member_string(&w, "message", message);
    cf_json_object_end(&w);
    return cf_json_writer_finish(&w);
}
