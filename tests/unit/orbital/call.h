/* One call of the REST half of Orbital as a client sees it: path and body in, status and JSON out.
 */
#ifndef CF_TESTS_UNIT_ORBITAL_CALL_H
#define CF_TESTS_UNIT_ORBITAL_CALL_H

#include "dialect/orbital/rest.h"
#include "unit/orbital/support.h"

struct ask {
    const char *method, *path, *body;
    const char *key;                               /* NULL: no Idempotency-Key */
    const char *since, *before, *limit, *group_id; /* NULL: absent */
};

/* POST("groups", .body = "{}"), and so on */
#define GET(...) ((struct ask){.method = "GET", .path = __VA_ARGS__})
#define POST(...) ((struct ask){.method = "POST", .path = __VA_ARGS__})
#define PATCH(...) ((struct ask){.method = "PATCH", .path = __VA_ARGS__})
#define DELETE(...) ((struct ask){.method = "DELETE", .path = __VA_ARGS__})

struct reply {
    unsigned status;
    struct cf_buf body;
    struct cf_problem problem;
};

static inline struct cf_slice maybe(const char *text)
{
    return text == NULL ? NO_SLICE : cf_slice_cstr(text);
}

static inline enum cf_error match_path(const char *path, const char *method,
                                       struct cf_rest_match *out_match)
{
    struct cf_slice segments[8], rest = cf_slice_cstr(path);
    size_t count = 0;
    while (count < 8 && cf_slice_next(&rest, '/', &segments[count]))
        count++;
    return cf_orbital_match(segments, count, cf_slice_cstr(method), out_match);
}

/* The call up to its store request. */
static inline enum cf_error ask(const struct person *person, const struct ask *what, int *out_op,
                                struct cf_store_request **out_request,
                                struct cf_problem *out_problem)
{
    struct cf_orbital_call call = {
        .body = maybe(what->body),
        .idempotency_key = maybe(what->key),
        .since = maybe(what->since),
        .before = maybe(what->before),
        .limit = maybe(what->limit),
        .group_id = maybe(what->group_id),
        .hash_key = hash_key,
    };
    assert_int_equal(match_path(what->path, what->method, &call.match), CF_OK);
    *out_op = call.match.op;
    return cf_orbital_ask(&call, &person->asker, out_request, out_problem);
}

/* Each call is a second later. */
static inline void perform(struct world *world, struct person *person, const struct ask *what,
                           struct reply *reply)
{
    struct cf_store_request *request = NULL;
    int op;
    *reply = (struct reply){.status = 0};
    cf_buf_init(&reply->body, 1024 * 1024);
    world->now.us += 1000000;
    person->asker.now = world->now;
    if (ask(person, what, &op, &request, &reply->problem) != CF_OK) {
        assert_null(request);
        reply->status = reply->problem.status;
        return;
    }
    request = world_run(world, request);
    assert_int_equal(cf_orbital_answer((enum cf_orbital_op)op, request, &reply->status,
                                       &reply->body, &reply->problem),
                     CF_OK);
    if (reply->problem.status != 0)
        reply->status = reply->problem.status;
    cf_store_request_free(request);
}

static inline void assert_call(struct world *world, struct person *person, struct ask what,
                               unsigned status, const char *json)
{
    struct reply reply;
    perform(world, person, &what, &reply);
    assert_text_equal(cf_buf_peek(&reply.body), json);
    assert_int_equal(reply.status, status);
    assert_int_equal(reply.problem.status, 0);
    cf_buf_deinit(&reply.body);
}

static inline void assert_problem(const struct cf_problem *problem, unsigned status,
                                  const char *code, const char *field, const char *message)
{
    assert_int_equal(problem->status, status);
    assert_string_equal(problem->code, code);
    if (field == NULL)
        assert_null(problem->field);
    else
        assert_string_equal(problem->field, field);
    assert_string_equal(problem->message, message);
}

static inline void assert_refused(struct world *world, struct person *person, struct ask what,
                                  unsigned status, const char *code, const char *field,
                                  const char *message)
{
    struct reply reply;
    perform(world, person, &what, &reply);
    assert_int_equal(reply.body.len, 0);
    assert_problem(&reply.problem, status, code, field, message);
    cf_buf_deinit(&reply.body);
}

#endif
