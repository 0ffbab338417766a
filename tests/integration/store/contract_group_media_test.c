/* What every store promises about uploads to encrypted groups (port/store.h). */
#include "group_fixture.h"

#define HOUR INT64_C(3600000000)

/* A group of ann (who made it), bob and cid, with a thread of ann's in it. */
struct place {
    struct cf_uuid group, thread;
};

static struct place new_place(struct fixture *f)
{
    struct place place = {.group = group_of(f, S("ann bob cid"))};
    place.thread = new_thread(f, place.group, S("ann"));
    return place;
}

static struct cf_store_request *open_with(struct fixture *f, struct cf_uuid thread,
                                          struct cf_slice actor, uint64_t size,
                                          struct cf_slice client_id)
{
    struct cf_store_request *request = make_upload(f, thread, actor, size);
    request->client_id = client_id;
    (void)run(f, request);
    return request;
}

static struct cf_store_request *get(struct fixture *f, struct cf_uuid media, struct cf_slice actor)
{
    return on_media(f, CF_STORE_GROUP_MEDIA_GET, media, actor);
}

static struct cf_store_request *done(struct fixture *f, struct cf_uuid media, struct cf_slice actor)
{
    return on_media(f, CF_STORE_GROUP_MEDIA_DONE, media, actor);
}

static struct cf_store_request *delete (struct fixture *f, struct cf_uuid media,
                                        struct cf_slice actor)
{
    return on_media(f, CF_STORE_GROUP_MEDIA_DELETE, media, actor);
}

static void assert_opened(const struct cf_store_request *request)
{
    assert_int_equal(request->error, CF_OK);
    assert_true(request->created);
    assert_uuid(request->media.id, request->message);
}

static void assert_media(const struct cf_store_request *request,
                         const struct cf_group_media *expected)
{
    assert_int_equal(request->error, CF_OK);
    assert_media_eq(&request->media, expected);
}

static void open_answers_the_media(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_store_request *request = make_upload(f, place.thread, S("bob"), 77);
    request->actor_name = S("Bob");
    request->now += 123;
    assert_int_equal(run(f, request), CF_OK);
    assert_opened(request);
    assert_int_equal(request->group_events_count, 0); /* nobody is told yet */
    const struct cf_group_media expected = {.id = request->message,
                                            .group = place.group,
                                            .thread = place.thread,
                                            .author = S("bob"),
                                            .author_name = S("Bob"),
                                            .metadata = S("bWV0YQ=="),
                                            .size = 77,
                                            .opened = request->now,
                                            .state = CF_MEDIA_INCOMPLETE};
    assert_media(request, &expected);
    reopen(f);
    assert_media(get(f, request->message, S("bob")), &expected);
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 3);
}

static void metadata_may_be_empty(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    for (size_t i = 0; i < 2; i++) {
        struct cf_store_request *request = make_upload(f, place.thread, S("bob"), 1);
        request->text = S("");
        request->client_id = S("c1");
        assert_int_equal(run(f, request), CF_OK);
        assert_int_equal(request->created, i == 0);
        assert_int_equal(request->media.metadata.len, 0);
    }
}

static void open_again(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_store_request *first = open_with(f, place.thread, S("bob"), 600, S("c1"));
    assert_opened(first);
    reopen(f);
    /* 600 are left of 1000: what is open already needs no space again. */
    struct cf_store_request *again = open_with(f, place.thread, S("bob"), 600, S("c1"));
    assert_false(again->created);
    assert_media(again, &first->media);
    struct cf_store_request *completed = done(f, first->message, S("bob"));
    assert_int_equal(completed->error, CF_OK);
    again = open_with(f, place.thread, S("bob"), 600, S("c1"));
    assert_false(again->created);
    assert_media(again, &completed->media);
    assert_int_equal(again->media.state, CF_MEDIA_COMPLETE);
}

static void open_conflicts(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid other_thread = new_thread(f, place.group, S("ann"));
    struct cf_store_request *first = open_with(f, place.thread, S("bob"), 10, S("c1"));
    assert_opened(first);
    for (size_t i = 0; i < 2; i++) {
        assert_nothing(open_with(f, other_thread, S("bob"), 10, S("c1")), CF_E_CONFLICT);
        assert_nothing(open_with(f, place.thread, S("bob"), 11, S("c1")), CF_E_CONFLICT);
        struct cf_store_request *other = make_upload(f, place.thread, S("bob"), 10);
        other->client_id = S("c1");
        other->text = S("b3RoZXI=");
        assert_int_equal(run(f, other), CF_E_CONFLICT);
        assert_nothing(other, CF_E_CONFLICT);
        struct cf_store_request *taken = make_upload(f, place.thread, S("bob"), 10);
        taken->message = first->message;
        assert_int_equal(run(f, taken), CF_E_CONFLICT);
        assert_nothing(taken, CF_E_CONFLICT);
        assert_int_equal(done(f, first->message, S("bob"))->error, CF_OK);
    }
}

static void client_id_without_a_clash(void **state)
{
    struct fixture *f = start_clock(state);
    struct place one = new_place(f);
    struct place other = new_place(f);
    const struct {
        struct cf_uuid thread;
        struct cf_slice actor, client_id;
    } rows[] = {{one.thread, S("bob"), S("c1")},      {one.thread, S("cid"), S("c1")},
                {other.thread, S("bob"), S("c1")},    {one.thread, S("bob"), S("c2")},
                {one.thread, S("bob"), NO_CLIENT_ID}, {one.thread, S("bob"), NO_CLIENT_ID}};
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_opened(open_with(f, rows[i].thread, rows[i].actor, 1, rows[i].client_id));
    /* Posts have client ids of their own. */
    struct cf_store_request *message =
        make_post(f, CF_GROUP_MESSAGE, one.group, S("bob"), S("eA=="));
    message->client_id = S("c1");
    assert_int_equal(run(f, message), CF_OK);
    assert_true(message->created);
}

/* Between what is not there and what is somebody else's there is no difference. */
static void open_errors(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid message = post(f, CF_GROUP_MESSAGE, place.group, S("ann"))->id;
    assert_opened(open_with(f, place.thread, S("cid"), 1, S("c1")));
    assert_int_equal(leave_group(f, place.group, S("cid"), S("cid"))->error, CF_OK);
    const struct {
        struct cf_uuid thread;
        struct cf_slice actor;
    } rows[] = {{place.thread, S("eve")}, {place.thread, S("cid")}, /* not even the retry */
                {uuid_of(999), S("eve")}, {uuid_of(999), S("ann")},
                {message, S("ann")},      {place.group, S("ann")}};
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_nothing(open_with(f, rows[i].thread, rows[i].actor, 1, S("c1")), CF_E_NOT_FOUND);
}

static void quota(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    const struct {
        uint64_t size;
        enum cf_error error;
    } rows[] = {
        {1001, CF_E_FULL}, {600, CF_OK}, {401, CF_E_FULL}, {399, CF_OK},
        {2, CF_E_FULL},    {1, CF_OK},   {1, CF_E_FULL},   {INT64_MAX, CF_E_FULL},
    };
    struct cf_uuid opened[CF_ARRAY_LEN(rows)];
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        /* Incomplete ones count whole, and complete ones no more. */
        struct cf_store_request *request = open_with(
            f, place.thread, i % 2 == 0 ? S("ann") : S("bob"), rows[i].size, NO_CLIENT_ID);
        assert_int_equal(request->error, rows[i].error);
        opened[i] = request->message;
        if (rows[i].error == CF_OK)
            assert_opened(request);
        else
            assert_nothing(request, CF_E_FULL);
        if (i == 1)
            assert_int_equal(done(f, opened[1], S("bob"))->error, CF_OK);
        reopen(f);
    }
    /* Another group has its own. */
    assert_opened(open_with(f, new_place(f).thread, S("bob"), 1000, NO_CLIENT_ID));
    /* What is dead is free at once; the limit is that of the request. */
    assert_int_equal(delete (f, opened[3], S("bob"))->error, CF_OK);
    assert_int_equal(open_with(f, place.thread, S("bob"), 400, NO_CLIENT_ID)->error, CF_E_FULL);
    assert_opened(open_with(f, place.thread, S("bob"), 399, NO_CLIENT_ID));
    assert_int_equal(delete (f, opened[1], S("ann"))->error, CF_OK);
    struct cf_store_request *smaller = make_upload(f, place.thread, S("bob"), 100);
    smaller->quota = 499;
    assert_int_equal(run(f, smaller), CF_E_FULL);
    struct cf_store_request *less = make_upload(f, place.thread, S("bob"), 1);
    less->quota = 100; /* less than what is there */
    assert_int_equal(run(f, less), CF_E_FULL);
    smaller = make_upload(f, place.thread, S("bob"), 99);
    smaller->quota = 499;
    assert_int_equal(run(f, smaller), CF_OK);
    assert_opened(smaller);
}

/* A retry of what is open is answered however full the group is. */
static void quota_of_a_retry(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    assert_opened(open_with(f, place.thread, S("bob"), 1000, S("c1")));
    assert_nothing(open_with(f, place.thread, S("bob"), 1, S("c2")), CF_E_FULL);
    struct cf_store_request *again = open_with(f, place.thread, S("bob"), 1000, S("c1"));
    assert_int_equal(again->error, CF_OK);
    assert_false(again->created);
}

/* 5 GiB of quota, and what does not fit into 32 bits. */
static void sizes_of_gibibytes(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    const uint64_t gib = UINT64_C(1) << 30;
    for (size_t i = 0; i < 3; i++) {
        struct cf_store_request *request = make_upload(f, place.thread, S("bob"), 2 * gib);
        request->quota = 5 * gib;
        assert_int_equal(run(f, request), i < 2 ? CF_OK : CF_E_FULL);
    }
    struct cf_store_request *rest = make_upload(f, place.thread, S("bob"), gib);
    rest->quota = 5 * gib;
    assert_int_equal(run(f, rest), CF_OK);
    reopen(f);
    struct cf_store_request *completed = done(f, rest->message, S("bob"));
    assert_int_equal(completed->group_events[0].size, gib);
    assert_int_equal(completed->media.size, gib);
}

static void done_answers_the_event(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_store_request *opened = open_with(f, place.thread, S("bob"), 77, NO_CLIENT_ID);
    struct cf_store_request *request =
        make_on(f, CF_STORE_GROUP_MEDIA_DONE, S("bob"), opened->message);
    request->actor_name = S("Bob");
    request->ttl = 2 * HOUR + 5;
    request->now += 999;
    assert_int_equal(run(f, request), CF_OK);
    assert_true(request->created);
    assert_int_equal(request->group_events_count, 1);
    const struct cf_group_event event = {
        .kind = CF_GROUP_MEDIA,
        .stamp = ms_of(request->now),
        .group = place.group,
        .id = opened->message,
        .thread = place.thread,
        .user = S("bob"),
        .user_name = S("Bob"),
        .text = S("bWV0YQ=="),
        .size = 77,
        .expires = request->now - 999 + 2 * HOUR + 5, /* behind the stamp, not the clock */
    };
    assert_event_eq(&request->group_events[0], &event);
    struct cf_group_media media = opened->media;
    media.author_name = S("Bob");
    media.expires = event.expires;
    media.state = CF_MEDIA_COMPLETE;
    assert_media(request, &media);
    reopen(f);
    assert_media(get(f, opened->message, S("cid")), &media);
    struct cf_store_request *log = read_all(f, S("ann"));
    assert_int_equal(log->group_events_count, 4);
    assert_event_eq(&log->group_events[3], &event);
}

static void expires_after_its_stamp(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid upload = new_upload(f, place.thread, S("bob"), 1);
    int64_t ahead = post_at(f, place.group, S("ann"), f->clock + 500 * HOUR);
    struct cf_store_request *request = done(f, upload, S("bob"));
    assert_int_equal(request->group_events[0].stamp, ahead + 1);
    assert_int_equal(request->media.expires, (ahead + 1) * 1000 + HOUR);
}

static void done_twice(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid upload = new_upload(f, place.thread, S("bob"), 1);
    struct cf_store_request *first = done(f, upload, S("bob"));
    assert_true(first->created);
    for (size_t i = 0; i < 2; i++) {
        (void)post(f, CF_GROUP_MESSAGE, place.group, S("ann"));
        reopen(f);
        struct cf_store_request *again = done(f, upload, S("bob"));
        assert_int_equal(again->error, CF_OK);
        assert_false(again->created);
        assert_int_equal(again->group_events_count, 1);
        assert_event_eq(&again->group_events[0], &first->group_events[0]);
        assert_media(again, &first->media);
    }
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 6);
}

static void done_within_a_batch(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_store_request *requests[3] = {make_upload(f, place.thread, S("bob"), 1)};
    struct cf_list list;
    cf_list_init(&list);
    cf_list_push_back(&list, &requests[0]->link);
    for (size_t i = 1; i < 3; i++) {
        requests[i] = make_on(f, CF_STORE_GROUP_MEDIA_DONE, S("bob"), requests[0]->message);
        requests[i]->ttl = HOUR;
        cf_list_push_back(&list, &requests[i]->link);
    }
    run_list(f, &list);
    assert_opened(requests[0]);
    assert_true(requests[1]->created);
    assert_int_equal(requests[2]->error, CF_OK);
    assert_false(requests[2]->created);
    assert_event_eq(&requests[2]->group_events[0], &requests[1]->group_events[0]);
}

static void done_errors(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid upload = new_upload(f, place.thread, S("bob"), 1);
    assert_nothing(done(f, upload, S("ann")), CF_E_NOT_FOUND); /* not even who made the group */
    assert_nothing(done(f, upload, S("eve")), CF_E_NOT_FOUND);
    assert_nothing(done(f, uuid_of(999), S("bob")), CF_E_NOT_FOUND);
    assert_nothing(done(f, place.thread, S("ann")), CF_E_NOT_FOUND);
    /* Who has left tells the group nothing any more. */
    assert_int_equal(leave_group(f, place.group, S("ann"), S("bob"))->error, CF_OK);
    assert_nothing(done(f, upload, S("bob")), CF_E_NOT_FOUND);
    assert_int_equal(join_group(f, place.group, S("ann"), S("bob"))->error, CF_OK);
    assert_true(done(f, upload, S("bob"))->created);
    assert_nothing(done(f, upload, S("ann")), CF_E_NOT_FOUND);
}

static void get_of_who_may(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid upload = new_upload(f, place.thread, S("bob"), 1);
    const struct cf_slice strangers[] = {S("ann"), S("cid"), S("eve")};
    for (size_t i = 0; i < CF_ARRAY_LEN(strangers); i++)
        assert_nothing(get(f, upload, strangers[i]), CF_E_NOT_FOUND);
    assert_int_equal(get(f, upload, S("bob"))->media.state, CF_MEDIA_INCOMPLETE);
    struct cf_store_request *completed = done(f, upload, S("bob"));
    assert_int_equal(completed->error, CF_OK);
    const struct cf_slice members[] = {S("ann"), S("bob"), S("cid")};
    for (size_t i = 0; i < CF_ARRAY_LEN(members); i++)
        assert_media(get(f, upload, members[i]), &completed->media);
    assert_nothing(get(f, upload, S("eve")), CF_E_NOT_FOUND);
    assert_nothing(get(f, uuid_of(999), S("ann")), CF_E_NOT_FOUND);
    assert_nothing(get(f, NO_UUID, S("ann")), CF_E_NOT_FOUND);
    assert_nothing(get(f, place.thread, S("ann")), CF_E_NOT_FOUND);
    /* Who has left sees neither their own nor others'. */
    struct cf_uuid open = new_upload(f, place.thread, S("bob"), 1);
    assert_int_equal(leave_group(f, place.group, S("bob"), S("bob"))->error, CF_OK);
    assert_nothing(get(f, upload, S("bob")), CF_E_NOT_FOUND);
    assert_nothing(get(f, open, S("bob")), CF_E_NOT_FOUND);
    assert_media(get(f, upload, S("cid")), &completed->media);
}

static void get_until_it_expires(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid media = new_media(f, place.thread, S("bob"), 1);
    cf_us expires = get(f, media, S("bob"))->media.expires;
    const struct {
        cf_us now;
        enum cf_error error;
    } rows[] = {{expires - 1, CF_OK},
                {expires, CF_E_NOT_FOUND},
                {expires + HOUR, CF_E_NOT_FOUND},
                {expires - 1, CF_OK}}; /* reading it has changed nothing */
    const enum cf_store_op ops[] = {CF_STORE_GROUP_MEDIA_GET, CF_STORE_GROUP_MEDIA_DELETE};
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        for (size_t j = 0; j < 2; j++) {
            if (ops[j] == CF_STORE_GROUP_MEDIA_DELETE && rows[i].error == CF_OK)
                continue;
            struct cf_store_request *request = make_on(f, ops[j], S("bob"), media);
            request->now = rows[i].now;
            assert_int_equal(run(f, request), rows[i].error);
        }
    /* The event stays in the log. */
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 4);
    /* An incomplete one does not expire. */
    struct cf_store_request *old =
        make_on(f, CF_STORE_GROUP_MEDIA_GET, S("bob"), new_upload(f, place.thread, S("bob"), 1));
    old->now += 100000 * HOUR;
    assert_int_equal(run(f, old), CF_OK);
}

static void delete_of_who_may(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid upload = new_upload(f, place.thread, S("bob"), 1);
    assert_nothing(delete (f, upload, S("cid")), CF_E_NOT_FOUND);
    assert_nothing(delete (f, upload, S("ann")), CF_E_NOT_FOUND); /* as of GET */
    assert_nothing(delete (f, upload, S("eve")), CF_E_NOT_FOUND);
    assert_int_equal(done(f, upload, S("bob"))->error, CF_OK);
    assert_nothing(delete (f, upload, S("cid")), CF_E_FORBIDDEN);
    assert_nothing(delete (f, upload, S("eve")), CF_E_NOT_FOUND);
    assert_nothing(delete (f, uuid_of(999), S("ann")), CF_E_NOT_FOUND);
    assert_int_equal(get(f, upload, S("cid"))->error, CF_OK);
    /* The author, who made the group, and the uploader of what is not complete. */
    const struct cf_slice deleters[] = {S("bob"), S("ann"), S("bob")};
    const struct cf_uuid media[] = {upload, new_media(f, place.thread, S("bob"), 1),
                                    new_upload(f, place.thread, S("bob"), 1)};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(delete (f, media[i], deleters[i])->error, CF_OK);
        reopen(f);
        assert_nothing(get(f, media[i], S("bob")), CF_E_NOT_FOUND);
        assert_nothing(delete (f, media[i], deleters[i]), CF_E_NOT_FOUND);
        assert_nothing(done(f, media[i], S("bob")), CF_E_NOT_FOUND);
    }
}

/* Who made the group and has left it is as anybody else; so is an author. */
static void delete_after_leaving(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid media = new_media(f, place.thread, S("bob"), 1);
    assert_int_equal(leave_group(f, place.group, S("ann"), S("bob"))->error, CF_OK);
    assert_nothing(delete (f, media, S("bob")), CF_E_NOT_FOUND);
    assert_int_equal(leave_group(f, place.group, S("ann"), S("ann"))->error, CF_OK);
    assert_nothing(delete (f, media, S("ann")), CF_E_NOT_FOUND);
    assert_nothing(delete (f, media, S("cid")), CF_E_FORBIDDEN);
    assert_int_equal(join_group(f, place.group, S("cid"), S("bob"))->error, CF_OK);
    assert_int_equal(delete (f, media, S("bob"))->error, CF_OK);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(open_answers_the_media),
    CONTRACT(metadata_may_be_empty),
    CONTRACT(open_again),
    CONTRACT(open_conflicts),
    CONTRACT(client_id_without_a_clash),
    CONTRACT(open_errors),
    CONTRACT(quota),
    CONTRACT(quota_of_a_retry),
    CONTRACT(sizes_of_gibibytes),
    CONTRACT(done_answers_the_event),
    CONTRACT(expires_after_its_stamp),
    CONTRACT(done_twice),
    CONTRACT(done_within_a_batch),
    CONTRACT(done_errors),
    CONTRACT(get_of_who_may),
    CONTRACT(get_until_it_expires),
    CONTRACT(delete_of_who_may),
    CONTRACT(delete_after_leaving),
};

int main(void)
{
    return run_contract(tests);
}
