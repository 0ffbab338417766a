/* The shortest way to put requests on encrypted groups through a store under test. */
#ifndef CF_TESTS_STORE_GROUP_FIXTURE_H
#define CF_TESTS_STORE_GROUP_FIXTURE_H

#include "fixture.h"

/* 2100-01-01: no stamp is less than the time at which the store was opened. */
#define YEAR_2100 INT64_C(4102444800000000)
#define NO_UUID ((struct cf_uuid){{0}})
#define ANY_NUMBER UINT32_C(1000)

static inline struct fixture *start_clock(void **state)
{
    struct fixture *f = *state;
    f->clock = YEAR_2100;
    return f;
}

static inline struct cf_uuid next_id(struct fixture *f)
{
    return uuid_of(++f->ids);
}

static inline int64_t ms_of(cf_us time)
{
    return time / 1000;
}

static inline struct cf_store_request *make_group(struct fixture *f, struct cf_slice actor,
                                                  struct cf_slice name, struct cf_slice client_id)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUP_CREATE, actor);
    request->room = next_id(f);
    request->name = name;
    request->client_id = client_id;
    return request;
}

static inline struct cf_store_request *make_join(struct fixture *f, struct cf_uuid group,
                                                 struct cf_slice actor, struct cf_slice user)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUP_JOIN, actor);
    request->room = group;
    request->user = user;
    return request;
}

static inline struct cf_store_request *join_group(struct fixture *f, struct cf_uuid group,
                                                  struct cf_slice actor, struct cf_slice user)
{
    struct cf_store_request *request = make_join(f, group, actor, user);
    (void)run(f, request);
    return request;
}

static inline struct cf_store_request *leave_group(struct fixture *f, struct cf_uuid group,
                                                   struct cf_slice actor, struct cf_slice user)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUP_LEAVE, actor);
    request->room = group;
    request->user = user;
    (void)run(f, request);
    return request;
}

/* A new group of the first user's, with the others of the text in it. */
static inline struct cf_uuid group_of(struct fixture *f, struct cf_slice users)
{
    struct cf_slice maker;
    assert_true(cf_slice_next(&users, ' ', &maker));
    struct cf_store_request *request = make_group(f, maker, S("a group"), NO_CLIENT_ID);
    assert_int_equal(run(f, request), CF_OK);
    struct cf_slice user;
    while (users.ptr != NULL && cf_slice_next(&users, ' ', &user))
        assert_int_equal(join_group(f, request->room, maker, user)->error, CF_OK);
    return request->room;
}

/* A page of the actor's groups: of those made before `before`; nil: of all. */
static inline struct cf_store_request *groups_before(struct fixture *f, struct cf_slice actor,
                                                     struct cf_uuid before, uint32_t limit)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUPS_OF, actor);
    request->room = before;
    request->limit = limit;
    (void)run(f, request);
    return request;
}

/* All of them. */
static inline struct cf_store_request *groups_of(struct fixture *f, struct cf_slice actor)
{
    struct cf_store_request *request = groups_before(f, actor, NO_UUID, ANY_NUMBER);
    assert_int_equal(request->error, CF_OK);
    assert_false(request->has_more);
    return request;
}

/* `where`: the group; of a REPLY the thread. */
static inline struct cf_store_request *make_post(struct fixture *f, enum cf_group_event_kind kind,
                                                 struct cf_uuid where, struct cf_slice actor,
                                                 struct cf_slice text)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUP_POST, actor);
    request->group_kind = kind;
    request->message = next_id(f);
    request->text = text;
    if (kind == CF_GROUP_THREAD)
        request->name = S("dGl0bGU=");
    if (kind == CF_GROUP_REPLY)
        request->thread = where;
    else
        request->room = where;
    return request;
}

/* A new post, as the store answers it. */
static inline const struct cf_group_event *post(struct fixture *f, enum cf_group_event_kind kind,
                                                struct cf_uuid where, struct cf_slice actor)
{
    struct cf_store_request *request = make_post(f, kind, where, actor, S("dGV4dA=="));
    assert_int_equal(run(f, request), CF_OK);
    assert_true(request->created);
    assert_int_equal(request->group_events_count, 1);
    return &request->group_events[0];
}

static inline struct cf_uuid new_thread(struct fixture *f, struct cf_uuid group,
                                        struct cf_slice actor)
{
    return post(f, CF_GROUP_THREAD, group, actor)->id;
}

/* A message at this time; its stamp. */
static inline int64_t post_at(struct fixture *f, struct cf_uuid group, struct cf_slice actor,
                              cf_us now)
{
    struct cf_store_request *request = make_post(f, CF_GROUP_MESSAGE, group, actor, S("dGV4dA=="));
    request->now = now;
    assert_int_equal(run(f, request), CF_OK);
    return request->group_events[0].stamp;
}

/* What is read of the log; nil and 0 where nothing is said. */
struct look {
    struct cf_uuid room, thread;
    unsigned kinds; /* 0: all */
    enum cf_group_range range;
    int64_t from;
    uint32_t limit;
};

static inline struct cf_store_request *read_log(struct fixture *f, struct cf_slice actor,
                                                struct look look)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUP_EVENTS, actor);
    request->room = look.room;
    request->message = look.thread;
    request->kinds = look.kinds == 0 ? CF_GROUP_ALL : look.kinds;
    request->group_range = look.range;
    request->from = look.from;
    request->limit = look.limit;
    (void)run(f, request);
    return request;
}

/* All of the actor's events. */
static inline struct cf_store_request *read_all(struct fixture *f, struct cf_slice actor)
{
    struct cf_store_request *request =
        read_log(f, actor, (struct look){.range = CF_GROUP_SINCE, .limit = ANY_NUMBER});
    assert_int_equal(request->error, CF_OK);
    assert_false(request->has_more);
    return request;
}

static inline struct cf_store_request *make_upload(struct fixture *f, struct cf_uuid thread,
                                                   struct cf_slice actor, uint64_t size)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUP_MEDIA_OPEN, actor);
    request->thread = thread;
    request->message = next_id(f);
    request->text = S("bWV0YQ==");
    request->size = size;
    request->quota = 1000;
    return request;
}

static inline struct cf_uuid new_upload(struct fixture *f, struct cf_uuid thread,
                                        struct cf_slice actor, uint64_t size)
{
    struct cf_store_request *request = make_upload(f, thread, actor, size);
    assert_int_equal(run(f, request), CF_OK);
    assert_true(request->created);
    return request->message;
}

/* GET, DONE (it then lives for an hour) or DELETE. */
static inline struct cf_store_request *on_media(struct fixture *f, enum cf_store_op op,
                                                struct cf_uuid media, struct cf_slice actor)
{
    struct cf_store_request *request = make_on(f, op, actor, media);
    request->ttl = INT64_C(3600000000);
    (void)run(f, request);
    return request;
}

/* A complete upload. */
static inline struct cf_uuid new_media(struct fixture *f, struct cf_uuid thread,
                                       struct cf_slice actor, uint64_t size)
{
    struct cf_uuid media = new_upload(f, thread, actor, size);
    struct cf_store_request *request = on_media(f, CF_STORE_GROUP_MEDIA_DONE, media, actor);
    assert_int_equal(request->error, CF_OK);
    assert_true(request->created);
    return media;
}

static inline struct cf_store_request *condemn(struct fixture *f, cf_us now, cf_us since,
                                               uint32_t limit)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUP_MEDIA_CONDEMN, S(""));
    request->now = now;
    request->since = since;
    request->limit = limit;
    assert_int_equal(run(f, request), CF_OK);
    return request;
}

static inline void set_uuids(struct cf_store_request *request, const struct cf_uuid *uuids,
                             size_t count)
{
    request->uuids = cf_arena_alloc(&request->arena, (count + 1) * sizeof(*uuids));
    assert_non_null(request->uuids);
    for (size_t i = 0; i < count; i++)
        request->uuids[i] = uuids[i];
    request->uuids_count = count;
}

static inline void forget(struct fixture *f, const struct cf_uuid *uuids, size_t count)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUP_MEDIA_FORGET, S(""));
    set_uuids(request, uuids, count);
    assert_int_equal(run(f, request), CF_OK);
}

static inline int64_t stamp_of(struct fixture *f)
{
    struct cf_store_stats stats;
    f->store->ops->stats(f->store, &stats);
    return stats.stamp;
}

static inline void assert_event_eq(const struct cf_group_event *actual,
                                   const struct cf_group_event *expected)
{
    assert_int_equal(actual->kind, expected->kind);
    assert_int_equal(actual->stamp, expected->stamp);
    assert_uuid(actual->group, expected->group);
    assert_uuid(actual->id, expected->id);
    assert_uuid(actual->thread, expected->thread);
    assert_slice(actual->user, expected->user);
    assert_slice(actual->user_name, expected->user_name);
    assert_slice(actual->title, expected->title);
    assert_slice(actual->text, expected->text);
    assert_int_equal(actual->size, expected->size);
    assert_int_equal(actual->expires, expected->expires);
}

static inline void assert_media_eq(const struct cf_group_media *actual,
                                   const struct cf_group_media *expected)
{
    assert_uuid(actual->id, expected->id);
    assert_uuid(actual->group, expected->group);
    assert_uuid(actual->thread, expected->thread);
    assert_slice(actual->author, expected->author);
    assert_slice(actual->author_name, expected->author_name);
    assert_slice(actual->metadata, expected->metadata);
    assert_int_equal(actual->size, expected->size);
    assert_int_equal(actual->opened, expected->opened);
    assert_int_equal(actual->expires, expected->expires);
    assert_int_equal(actual->state, expected->state);
}

/* Nothing of an answer. */
static inline void assert_nothing(const struct cf_store_request *request, enum cf_error error)
{
    assert_int_equal(request->error, error);
    assert_false(request->created);
    assert_false(request->has_more);
    assert_int_equal(request->rooms_count, 0);
    assert_int_equal(request->members_count, 0);
    assert_int_equal(request->group_events_count, 0);
    const struct cf_group_media none = {0};
    assert_media_eq(&request->media, &none);
}

/* The events of the answer are those with these stamps. */
static inline void assert_stamps(const struct cf_store_request *request, const int64_t *stamps,
                                 size_t count, bool has_more)
{
    assert_int_equal(request->error, CF_OK);
    assert_int_equal(request->group_events_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(request->group_events[i].stamp, stamps[i]);
    assert_int_equal(request->has_more, has_more);
}

#endif
