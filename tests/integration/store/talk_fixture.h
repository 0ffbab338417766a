/* The shortest way to put requests on conversations and sockets through a store under test. */
#ifndef CF_TESTS_STORE_TALK_FIXTURE_H
#define CF_TESTS_STORE_TALK_FIXTURE_H

#include "fixture.h"

/* The users of a text, with a space between two. */
static inline void set_users(struct cf_store_request *request, struct cf_slice users)
{
    request->users = cf_arena_alloc(&request->arena, (users.len + 1) * sizeof(*request->users));
    assert_non_null(request->users);
    struct cf_slice user;
    while (users.len > 0 && cf_slice_next(&users, ' ', &user))
        request->users[request->users_count++] = user;
}

static inline struct cf_store_request *create_talk(struct fixture *f, enum cf_talk_kind kind,
                                                   struct cf_slice actor, struct cf_slice users)
{
    struct cf_store_request *request = make(f, CF_STORE_TALK_CREATE, actor);
    request->talk_kind = kind;
    request->name = S("a title");
    set_users(request, users);
    (void)run(f, request);
    return request;
}

static inline int64_t new_group(struct fixture *f, struct cf_slice actor, struct cf_slice users)
{
    struct cf_store_request *request = create_talk(f, CF_TALK_GROUP, actor, users);
    assert_int_equal(request->error, CF_OK);
    assert_true(request->created);
    return request->talks[0].id;
}

static inline int64_t new_direct(struct fixture *f, struct cf_slice actor, struct cf_slice user)
{
    struct cf_store_request *request = create_talk(f, CF_TALK_DIRECT, actor, user);
    assert_int_equal(request->error, CF_OK);
    assert_true(request->created);
    return request->talks[0].id;
}

static inline struct cf_store_request *add_people(struct fixture *f, int64_t talk,
                                                  struct cf_slice actor, struct cf_slice users)
{
    struct cf_store_request *request = make(f, CF_STORE_TALK_ADD, actor);
    request->talk = talk;
    set_users(request, users);
    (void)run(f, request);
    return request;
}

static inline enum cf_error remove_person(struct fixture *f, int64_t talk, struct cf_slice actor,
                                          struct cf_slice user)
{
    struct cf_store_request *request = make(f, CF_STORE_TALK_REMOVE, actor);
    request->talk = talk;
    request->user = user;
    return run(f, request);
}

static inline struct cf_store_request *make_send(struct fixture *f, int64_t talk,
                                                 struct cf_slice actor, struct cf_slice text,
                                                 struct cf_slice client_id)
{
    struct cf_store_request *request = make(f, CF_STORE_TALK_SEND, actor);
    request->talk = talk;
    request->text = text;
    request->client_id = client_id;
    return request;
}

static inline struct cf_store_request *send_with(struct fixture *f, int64_t talk,
                                                 struct cf_slice actor, struct cf_slice text,
                                                 struct cf_slice client_id)
{
    struct cf_store_request *request = make_send(f, talk, actor, text, client_id);
    (void)run(f, request);
    return request;
}

/* A new message; its number. */
static inline int64_t say(struct fixture *f, int64_t talk, struct cf_slice actor)
{
    struct cf_store_request *request = send_with(f, talk, actor, S("hi"), NO_CLIENT_ID);
    assert_int_equal(request->error, CF_OK);
    assert_true(request->created);
    assert_int_equal(request->talk_messages_count, 1);
    return request->talk_messages[0].id;
}

static inline struct cf_store_request *mark(struct fixture *f, struct cf_slice actor,
                                            int64_t number, enum cf_talk_mark_kind kind)
{
    struct cf_store_request *request = make(f, CF_STORE_TALK_MARK, actor);
    request->number = number;
    request->mark = kind;
    (void)run(f, request);
    return request;
}

/* A new mark; its number. */
static inline int64_t new_mark(struct fixture *f, struct cf_slice actor, int64_t number,
                               enum cf_talk_mark_kind kind)
{
    struct cf_store_request *request = mark(f, actor, number, kind);
    assert_int_equal(request->error, CF_OK);
    assert_true(request->created);
    assert_int_equal(request->marks_count, 1);
    return request->marks[0].number;
}

static inline struct cf_store_request *read_talk(struct fixture *f, int64_t talk,
                                                 struct cf_slice actor, enum cf_talk_range range,
                                                 int64_t from, uint32_t limit)
{
    struct cf_store_request *request = make(f, CF_STORE_TALK_MESSAGES, actor);
    request->talk = talk;
    request->range = range;
    request->from = from;
    request->limit = limit;
    (void)run(f, request);
    return request;
}

static inline struct cf_store_request *talks_of(struct fixture *f, struct cf_slice actor,
                                                uint32_t limit)
{
    struct cf_store_request *request = make(f, CF_STORE_TALKS_OF, actor);
    request->limit = limit;
    assert_int_equal(run(f, request), CF_OK);
    return request;
}

static inline uint64_t unread_by(struct fixture *f, int64_t talk, struct cf_slice actor)
{
    struct cf_store_request *request = talks_of(f, actor, 100);
    for (size_t i = 0; i < request->talks_count; i++)
        if (request->talks[i].id == talk)
            return request->talks[i].unread;
    fail();
    return 0;
}

/* The highest that was given. */
static inline int64_t number_of(struct fixture *f)
{
    struct cf_store_stats stats;
    f->store->ops->stats(f->store, &stats);
    return stats.number;
}

/* The time at which it was opened. */
static inline cf_us open_socket(struct fixture *f, struct cf_slice pid, struct cf_slice actor)
{
    struct cf_store_request *request = make(f, CF_STORE_SOCKET_OPEN, actor);
    request->pid = pid;
    request->sid = S("a sid");
    request->number = number_of(f);
    assert_int_equal(run(f, request), CF_OK);
    return request->now;
}

static inline struct cf_store_request *socket_in(struct fixture *f, enum cf_store_op op,
                                                 struct cf_slice pid, struct cf_slice actor,
                                                 int64_t talk)
{
    struct cf_store_request *request = make(f, op, actor);
    request->pid = pid;
    request->talk = talk;
    (void)run(f, request);
    return request;
}

/* The last number, as JOIN gives it. */
static inline int64_t join_talk(struct fixture *f, struct cf_slice pid, struct cf_slice actor,
                                int64_t talk)
{
    struct cf_store_request *request = socket_in(f, CF_STORE_SOCKET_JOIN, pid, actor, talk);
    assert_int_equal(request->error, CF_OK);
    return request->last_number;
}

static inline void close_socket(struct fixture *f, struct cf_slice pid, cf_us now)
{
    struct cf_store_request *request = make(f, CF_STORE_SOCKET_CLOSE, S(""));
    request->pid = pid;
    request->now = now;
    assert_int_equal(run(f, request), CF_OK);
}

static inline struct cf_store_request *make_recover(struct fixture *f, struct cf_slice pid,
                                                    struct cf_slice actor, int64_t from)
{
    struct cf_store_request *request = make(f, CF_STORE_SOCKET_RECOVER, actor);
    request->pid = pid;
    request->from = from;
    request->limit = 100;
    return request;
}

static inline struct cf_store_request *recover(struct fixture *f, struct cf_slice pid,
                                               struct cf_slice actor, int64_t from)
{
    struct cf_store_request *request = make_recover(f, pid, actor, from);
    (void)run(f, request);
    return request;
}

/* Nothing of an answer. */
static inline void assert_refused(const struct cf_store_request *request, enum cf_error error)
{
    assert_int_equal(request->error, error);
    assert_false(request->created);
    assert_false(request->has_more);
    assert_int_equal(request->talks_count, 0);
    assert_int_equal(request->talk_messages_count, 0);
    assert_int_equal(request->marks_count, 0);
}

static inline void assert_messages(const struct cf_store_request *request, const int64_t *numbers,
                                   size_t count)
{
    assert_int_equal(request->error, CF_OK);
    assert_int_equal(request->talk_messages_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(request->talk_messages[i].id, numbers[i]);
}

static inline void assert_marks(const struct cf_store_request *request, const int64_t *numbers,
                                size_t count)
{
    assert_int_equal(request->error, CF_OK);
    assert_int_equal(request->marks_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(request->marks[i].number, numbers[i]);
}

#define NUMBERS(...) \
    (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)
#define NONE NULL, 0

#endif
