/* One call of the REST half as a client sees it: path and body in, status and JSON out, with the
 * event that the others are told. */
#ifndef CF_TESTS_UNIT_SHOP_FLOW_H
#define CF_TESTS_UNIT_SHOP_FLOW_H

#include "chat/event.h"
#include "dialect/shop/rest.h"
#include "unit/chat/fixture.h"

#define NO_SLICE ((struct cf_slice){NULL, 0})

struct ask {
    const char *method, *path, *body;
    const char *key, *page, *limit, *since; /* NULL: absent */
};

/* POST("shops", .body = "{}"), and so on */
#define GET(...) ((struct ask){.method = "GET", .path = __VA_ARGS__})
#define POST(...) ((struct ask){.method = "POST", .path = __VA_ARGS__})
#define PUT(...) ((struct ask){.method = "PUT", .path = __VA_ARGS__})
#define DELETE(...) ((struct ask){.method = "DELETE", .path = __VA_ARGS__})

struct reply {
    unsigned status;
    struct cf_buf body;
    struct cf_problem problem;
    struct cf_event *event; /* NULL: nobody is told */
};

static inline struct cf_slice maybe(const char *text)
{
    return text == NULL ? NO_SLICE : cf_slice_cstr(text);
}

static inline enum cf_error match_path(const char *path, const char *method,
                                       struct cf_shop_match *out_match)
{
    struct cf_slice segments[8], rest = cf_slice_cstr(path);
    size_t count = 0;
    while (count < 8 && cf_slice_next(&rest, '/', &segments[count]))
        count++;
    return cf_shop_match(segments, count, cf_slice_cstr(method), out_match);
}

/* The call up to its store request. */
static inline enum cf_error ask(const struct person *person, const struct ask *what,
                                enum cf_shop_op *out_op, struct cf_store_request **out_request,
                                struct cf_problem *out_problem)
{
    struct cf_shop_call call = {
        .body = maybe(what->body),
        .idempotency_key = maybe(what->key),
        .page = maybe(what->page),
        .limit = maybe(what->limit),
        .since = maybe(what->since),
        .hash_key = hash_key,
    };
    assert_int_equal(match_path(what->path, what->method, &call.match), CF_OK);
    *out_op = call.match.op;
    return cf_shop_ask(&call, &person->asker, out_request, out_problem);
}

/* Executes and answers; each call is a second later. */
static inline void finish(struct world *world, enum cf_shop_op op, struct cf_store_request *request,
                          struct reply *reply)
{
    request = world_run(world, request);
    assert_int_equal(cf_shop_answer(op, request, &reply->status, &reply->body, &reply->problem),
                     CF_OK);
    assert_int_equal(cf_event_of(request, hash_key, &reply->event), CF_OK);
    cf_store_request_free(request);
}

static inline void reply_deinit(struct reply *reply)
{
    cf_buf_deinit(&reply->body);
    cf_event_unref(reply->event);
}

static inline void perform(struct world *world, struct person *person, const struct ask *what,
                           struct reply *reply)
{
    struct cf_store_request *request = NULL;
    enum cf_shop_op op;
    *reply = (struct reply){.status = 0};
    cf_buf_init(&reply->body, 1024 * 1024);
    world->now.us += 1000000;
    person->asker.now = world->now;
    enum cf_error error = ask(person, what, &op, &request, &reply->problem);
    if (error == CF_OK) {
        finish(world, op, request, reply);
        return;
    }
    assert_null(request);
    assert_int_not_equal(error, CF_E_NOMEM); /* has no problem of its own */
    reply->status = reply->problem.status;
    assert_int_equal(cf_problem_write(&reply->problem, NO_SLICE, &reply->body), CF_OK);
}

static inline void assert_body(const struct cf_buf *body, const char *wanted)
{
    bool same = cf_slice_eq(cf_buf_peek(body), cf_slice_cstr(wanted));
    if (!same)
        print_error("got    %.*s\nwanted %s\n", (int)body->len, (const char *)body->ptr, wanted);
    assert_true(same);
}

/* Performs the call and compares all that a client and the others would see. `kind` -1: nobody is
 * told. */
static inline void assert_call(struct world *world, struct person *person, struct ask what,
                               unsigned status, const char *json, int kind)
{
    struct reply reply;
    perform(world, person, &what, &reply);
    assert_body(&reply.body, json);
    assert_int_equal(reply.status, status);
    assert_int_equal(reply.problem.status, status < 400 ? 0 : status);
    assert_int_equal(reply.event == NULL ? -1 : (int)reply.event->kind, kind);
    reply_deinit(&reply);
}

/* The same for a call that fails: its code and field (NULL: none). */
static inline void assert_refused(struct world *world, struct person *person, struct ask what,
                                  unsigned status, const char *code, const char *field)
{
    struct reply reply;
    perform(world, person, &what, &reply);
    if (reply.status != status || strcmp(reply.problem.code, code) != 0)
        print_error("%s %s %s: got %u %.*s\n", what.method, what.path,
                    what.body == NULL ? "" : what.body, reply.status, (int)reply.body.len,
                    (const char *)reply.body.ptr);
    assert_int_equal(reply.status, status);
    assert_string_equal(reply.problem.code, code);
    if (field == NULL)
        assert_null(reply.problem.field);
    else
        assert_string_equal(reply.problem.field, field);
    assert_null(reply.event);
    reply_deinit(&reply);
}

#endif
