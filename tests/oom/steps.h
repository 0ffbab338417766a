/* One call of a dialect's REST half under a lack of memory, from its path to what the others are
 * told: each part that says CF_E_NOMEM is done again with memory, and has to work then, which it
 * only does if the first try has changed nothing. Included behind the dialect's call.h. */
#ifndef CF_OOM_STEPS_H
#define CF_OOM_STEPS_H

#include "oom/scenario.h"

#include <stdio.h>

#include "chat/event.h"

/* What differs between the dialects. */
struct steps_dialect {
    enum cf_error (*answer)(int op, const struct cf_store_request *done, unsigned *out_status,
                            struct cf_buf *body, struct cf_problem *out_problem);
    /* Appends what all forms of the dialect say of the event. */
    enum cf_error (*tell)(const struct cf_event *event, struct cf_buf *out);
};

struct steps {
    struct scenario *s;
    const struct steps_dialect *dialect;
    struct world world;
    struct cf_buf body;           /* of the last answer */
    struct cf_uuid room, message; /* of the last write */
    bool created;
};

static inline void steps_init(struct steps *steps, struct scenario *s,
                              const struct steps_dialect *dialect)
{
    *steps = (struct steps){.s = s, .dialect = dialect};
    fault_pause();
    world_open(&steps->world);
    fault_resume();
    cf_buf_init(&steps->body, 1 << 20);
}

static inline void steps_deinit(struct steps *steps)
{
    cf_buf_deinit(&steps->body);
    world_close(&steps->world);
}

static inline struct cf_store_request *steps_ask(struct steps *steps, struct person *person,
                                                 const struct ask *what, int *out_op)
{
    struct cf_store_request *request = NULL;
    struct cf_problem problem = {.status = 0};
    enum cf_error error = ask(person, what, (void *)out_op, &request, &problem);
    if (!TRIED(steps->s, error)) {
        assert_null(request);
        fault_heal();
        assert_int_equal(ask(person, what, (void *)out_op, &request, &problem), CF_OK);
    }
    return request;
}

/* The store's answer; a write that it has no memory for is asked for again. */
static inline struct cf_store_request *steps_run(struct steps *steps, struct person *person,
                                                 const struct ask *what, int *out_op)
{
    struct cf_store_request *request =
        world_run(&steps->world, steps_ask(steps, person, what, out_op));
    if (!TRIED(steps->s, request->error)) {
        cf_store_request_free(request);
        fault_heal();
        request = world_run(&steps->world, steps_ask(steps, person, what, out_op));
        assert_int_equal(request->error, CF_OK);
    }
    return request;
}

static inline void steps_tell(struct steps *steps, const struct cf_store_request *done)
{
    struct cf_event *event = NULL;
    struct cf_buf told;
    cf_buf_init(&told, 1 << 20);
    if (!TRIED(steps->s, cf_event_of(done, hash_key, &event))) {
        assert_null(event);
        fault_heal();
        assert_int_equal(cf_event_of(done, hash_key, &event), CF_OK);
    }
    if (event != NULL && !TRIED(steps->s, steps->dialect->tell(event, &told))) {
        fault_heal();
        cf_buf_reset(&told);
        assert_int_equal(steps->dialect->tell(event, &told), CF_OK);
    }
    cf_buf_deinit(&told);
    cf_event_unref(event);
}

static inline void steps_note_ids(struct steps *steps, const struct cf_store_request *done)
{
    steps->created = done->created;
    if (done->rooms_count > 0)
        steps->room = done->rooms[0].id;
    if (done->messages_count > 0)
        steps->message = done->messages[0].id;
    if (done->group_events_count > 0)
        steps->message = done->group_events[0].id;
}

/* Each call is a second later. */
static inline void steps_call(struct steps *steps, struct person *person, struct ask what,
                              unsigned status)
{
    unsigned got = 0;
    int op = 0;
    struct cf_problem problem = {.status = 0};
    steps->world.now.us += 1000000;
    person->asker.now = steps->world.now;
    struct cf_store_request *done = steps_run(steps, person, &what, &op);
    cf_buf_release(&steps->body);
    if (!TRIED(steps->s, steps->dialect->answer(op, done, &got, &steps->body, &problem))) {
        fault_heal();
        cf_buf_reset(&steps->body);
        assert_int_equal(steps->dialect->answer(op, done, &got, &steps->body, &problem), CF_OK);
    }
    assert_int_equal(got, status);
    assert_int_equal(problem.status, 0);
    steps_tell(steps, done);
    steps_note_ids(steps, done);
    cf_store_request_free(done);
}

static inline const char *steps_uuid(const struct cf_uuid *uuid)
{
    static char texts[64][CF_UUID_LEN + 1];
    static unsigned next;
    char *text = texts[next++ % CF_ARRAY_LEN(texts)];
    cf_uuid_format(uuid, text);
    text[CF_UUID_LEN] = '\0';
    return text;
}

/* printf into static memory, which the 64th call from now takes over. */
__attribute__((format(printf, 1, 2))) static inline const char *steps_text(const char *format, ...)
{
    static char texts[64][256];
    static unsigned next;
    char *text = texts[next++ % CF_ARRAY_LEN(texts)];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(texts[0]), format, args);
    va_end(args);
    return text;
}

static inline size_t steps_count(const struct steps *steps, const char *needle)
{
    struct cf_slice rest = cf_buf_peek(&steps->body), wanted = cf_slice_cstr(needle);
    size_t count = 0;
    for (; rest.len >= wanted.len; rest = cf_slice_skip(rest, 1))
        count += cf_slice_starts(rest, wanted);
    return count;
}

#endif
