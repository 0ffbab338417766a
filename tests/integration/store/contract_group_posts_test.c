/* What every store promises about what is posted in encrypted groups (port/store.h). */
#include "group_fixture.h"

static const enum cf_group_event_kind KINDS[] = {CF_GROUP_MESSAGE, CF_GROUP_THREAD, CF_GROUP_REPLY};

/* A group of ann and bob, with a thread in it. */
struct place {
    struct cf_uuid group, thread;
};

static struct place new_place(struct fixture *f)
{
    struct place place = {.group = group_of(f, S("ann bob"))};
    place.thread = new_thread(f, place.group, S("ann"));
    return place;
}

static struct cf_uuid where(const struct place *place, enum cf_group_event_kind kind)
{
    return kind == CF_GROUP_REPLY ? place->thread : place->group;
}

static struct cf_store_request *try_post(struct fixture *f, enum cf_group_event_kind kind,
                                         struct cf_uuid at, struct cf_slice actor,
                                         struct cf_slice text, struct cf_slice client_id)
{
    struct cf_store_request *request = make_post(f, kind, at, actor, text);
    request->client_id = client_id;
    (void)run(f, request);
    return request;
}

static void assert_created(const struct cf_store_request *request)
{
    assert_int_equal(request->error, CF_OK);
    assert_true(request->created);
    assert_int_equal(request->group_events_count, 1);
    assert_uuid(request->group_events[0].id, request->message);
}

/* The answer is this event, known before. */
static void assert_known(const struct cf_store_request *request, const struct cf_group_event *event)
{
    assert_int_equal(request->error, CF_OK);
    assert_false(request->created);
    assert_int_equal(request->group_events_count, 1);
    assert_event_eq(&request->group_events[0], event);
}

static struct cf_store_request *get_thread(struct fixture *f, struct cf_uuid thread,
                                           struct cf_slice actor)
{
    struct cf_store_request *request = make_on(f, CF_STORE_GROUP_THREAD_GET, actor, thread);
    (void)run(f, request);
    return request;
}

static void post_answers_the_event(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_store_request *before = read_all(f, S("bob"));
    for (size_t i = 0; i < CF_ARRAY_LEN(KINDS); i++) {
        struct cf_store_request *request =
            make_post(f, KINDS[i], where(&place, KINDS[i]), S("bob"), S("Ym9keQ=="));
        request->actor_name = S("Bob");
        assert_int_equal(run(f, request), CF_OK);
        assert_created(request);
        const struct cf_group_event expected = {
            .kind = KINDS[i],
            .stamp = ms_of(request->now),
            .group = place.group,
            .id = request->message,
            .thread = KINDS[i] == CF_GROUP_THREAD  ? request->message
                      : KINDS[i] == CF_GROUP_REPLY ? place.thread
                                                   : NO_UUID,
            .user = S("bob"),
            .user_name = S("Bob"),
            .title = KINDS[i] == CF_GROUP_THREAD ? S("dGl0bGU=") : S(""),
            .text = S("Ym9keQ=="),
        };
        assert_event_eq(&request->group_events[0], &expected);
        reopen(f);
        struct cf_store_request *log = read_all(f, S("ann"));
        assert_int_equal(log->group_events_count, before->group_events_count + i + 1);
        assert_event_eq(&log->group_events[log->group_events_count - 1], &expected);
    }
}

static void name_is_that_of_its_time(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_store_request *first =
        try_post(f, CF_GROUP_MESSAGE, place.group, S("bob"), S("eA=="), S("c1"));
    struct cf_store_request *again =
        make_post(f, CF_GROUP_MESSAGE, place.group, S("bob"), S("eA=="));
    again->client_id = S("c1");
    again->actor_name = S("Bob");
    assert_int_equal(run(f, again), CF_OK);
    assert_known(again, &first->group_events[0]);
    assert_slice(again->group_events[0].user_name, S("bob"));
    assert_slice(post(f, CF_GROUP_MESSAGE, place.group, S("bob"))->user_name, S("Bob"));
}

static void post_again(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    static const char *const clients[] = {"c1", "c2", "c3"};
    for (size_t i = 0; i < CF_ARRAY_LEN(KINDS); i++) {
        struct cf_uuid at = where(&place, KINDS[i]);
        struct cf_slice client_id = cf_slice_cstr(clients[i]);
        struct cf_store_request *first = try_post(f, KINDS[i], at, S("ann"), S("eA=="), client_id);
        assert_created(first);
        (void)post(f, CF_GROUP_MESSAGE, place.group, S("bob"));
        reopen(f);
        int64_t stamp = stamp_of(f);
        assert_known(try_post(f, KINDS[i], at, S("ann"), S("eA=="), client_id),
                     &first->group_events[0]);
        struct cf_store_request *verbatim = make_post(f, KINDS[i], at, S("ann"), S("eA=="));
        verbatim->client_id = client_id;
        verbatim->message = first->message;
        assert_int_equal(run(f, verbatim), CF_OK);
        assert_known(verbatim, &first->group_events[0]);
        assert_int_equal(stamp_of(f), stamp);
    }
    /* One who joined, the thread, and of each kind one and the message behind it. */
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 2 + 2 * CF_ARRAY_LEN(KINDS));
}

static void post_again_within_a_batch(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_list list;
    cf_list_init(&list);
    struct cf_store_request *requests[2];
    for (size_t i = 0; i < 2; i++) {
        requests[i] = make_post(f, CF_GROUP_REPLY, place.thread, S("bob"), S("eA=="));
        requests[i]->client_id = S("c1");
        cf_list_push_back(&list, &requests[i]->link);
    }
    run_list(f, &list);
    assert_created(requests[0]);
    assert_known(requests[1], &requests[0]->group_events[0]);
}

static void post_conflicts(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid other_thread = new_thread(f, place.group, S("ann"));
    static const char *const clients[] = {"c1", "c2", "c3"};
    for (size_t i = 0; i < CF_ARRAY_LEN(KINDS); i++)
        assert_created(try_post(f, KINDS[i], where(&place, KINDS[i]), S("ann"), S("eA=="),
                                cf_slice_cstr(clients[i])));
    int64_t stamp = stamp_of(f);
    for (size_t i = 0; i < CF_ARRAY_LEN(KINDS); i++) {
        struct cf_slice client_id = cf_slice_cstr(clients[i]);
        /* another text */
        assert_nothing(
            try_post(f, KINDS[i], where(&place, KINDS[i]), S("ann"), S("eQ=="), client_id),
            CF_E_CONFLICT);
        /* another kind */
        for (size_t j = 0; j < CF_ARRAY_LEN(KINDS); j++)
            if (j != i)
                assert_nothing(
                    try_post(f, KINDS[j], where(&place, KINDS[j]), S("ann"), S("eA=="), client_id),
                    CF_E_CONFLICT);
    }
    struct cf_store_request *other_title =
        make_post(f, CF_GROUP_THREAD, place.group, S("ann"), S("eA=="));
    other_title->name = S("b3RoZXI=");
    other_title->client_id = S("c2");
    assert_int_equal(run(f, other_title), CF_E_CONFLICT);
    assert_nothing(other_title, CF_E_CONFLICT);
    assert_nothing(try_post(f, CF_GROUP_REPLY, other_thread, S("ann"), S("eA=="), S("c3")),
                   CF_E_CONFLICT);
    /* A thread with an empty title is no message either. */
    struct cf_store_request *untitled =
        make_post(f, CF_GROUP_THREAD, place.group, S("bob"), S("eA=="));
    untitled->name = S("");
    untitled->client_id = S("c1");
    assert_int_equal(run(f, untitled), CF_OK);
    stamp = stamp_of(f);
    assert_nothing(try_post(f, CF_GROUP_MESSAGE, place.group, S("bob"), S("eA=="), S("c1")),
                   CF_E_CONFLICT);
    assert_int_equal(stamp_of(f), stamp);
}

static void id_is_taken(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid foreign = group_of(f, S("bob"));
    struct cf_uuid ids[3];
    for (size_t i = 0; i < 3; i++)
        ids[i] = post(f, KINDS[i], where(&place, KINDS[i]), S("ann"))->id;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            struct cf_store_request *request =
                make_post(f, KINDS[j], where(&place, KINDS[j]), S("ann"), S("eA=="));
            request->message = ids[i];
            assert_int_equal(run(f, request), CF_E_CONFLICT);
            assert_nothing(request, CF_E_CONFLICT);
        }
    struct cf_store_request *elsewhere =
        make_post(f, CF_GROUP_MESSAGE, foreign, S("bob"), S("dGV4dA=="));
    elsewhere->message = ids[0];
    elsewhere->client_id = S("c1");
    assert_int_equal(run(f, elsewhere), CF_E_CONFLICT);
}

static void client_id_without_a_clash(void **state)
{
    struct fixture *f = start_clock(state);
    struct place one = new_place(f);
    struct place other = new_place(f);
    struct cf_store_request *first =
        try_post(f, CF_GROUP_MESSAGE, one.group, S("ann"), S("eA=="), S("c1"));
    const struct {
        struct cf_uuid at;
        enum cf_group_event_kind kind;
        struct cf_slice actor, client_id;
    } rows[] = {
        {one.group, CF_GROUP_MESSAGE, S("bob"), S("c1")},
        {other.group, CF_GROUP_MESSAGE, S("ann"), S("c1")},
        {other.thread, CF_GROUP_REPLY, S("bob"), S("c1")},
        {one.group, CF_GROUP_MESSAGE, S("ann"), S("C1")},
        {one.group, CF_GROUP_MESSAGE, S("ann"), S("c")},
        {one.group, CF_GROUP_MESSAGE, S("ann"), NO_CLIENT_ID},
        {one.group, CF_GROUP_MESSAGE, S("ann"), NO_CLIENT_ID},
    };
    assert_created(first);
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_created(
            try_post(f, rows[i].kind, rows[i].at, rows[i].actor, S("eA=="), rows[i].client_id));
    assert_known(try_post(f, CF_GROUP_MESSAGE, one.group, S("ann"), S("eA=="), S("c1")),
                 &first->group_events[0]);
    /* What names groups, and what names uploads, is apart from what names posts. */
    struct cf_store_request *group = make_group(f, S("ann"), S("one"), S("c1"));
    assert_int_equal(run(f, group), CF_OK);
    assert_true(group->created);
    struct cf_store_request *upload = make_upload(f, one.thread, S("ann"), 1);
    upload->client_id = S("c1");
    assert_int_equal(run(f, upload), CF_OK);
    assert_true(upload->created);
}

/* Between what is not there and what is somebody else's there is no difference. */
static void strangers(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_uuid message = post(f, CF_GROUP_MESSAGE, place.group, S("ann"))->id;
    struct cf_uuid reply = post(f, CF_GROUP_REPLY, place.thread, S("ann"))->id;
    assert_int_equal(leave_group(f, place.group, S("bob"), S("bob"))->error, CF_OK);
    struct cf_uuid room = new_room(f, S("bob"));
    const struct {
        enum cf_group_event_kind kind;
        struct cf_uuid at;
        struct cf_slice actor;
        enum cf_error error;
    } rows[] = {
        {CF_GROUP_MESSAGE, place.group, S("eve"), CF_E_NOT_MEMBER},
        {CF_GROUP_MESSAGE, place.group, S("bob"), CF_E_NOT_MEMBER},
        {CF_GROUP_MESSAGE, uuid_of(999), S("eve"), CF_E_NOT_MEMBER},
        {CF_GROUP_MESSAGE, room, S("bob"), CF_E_NOT_MEMBER},
        {CF_GROUP_THREAD, place.group, S("eve"), CF_E_NOT_MEMBER},
        {CF_GROUP_THREAD, uuid_of(999), S("eve"), CF_E_NOT_MEMBER},
        {CF_GROUP_REPLY, place.thread, S("eve"), CF_E_NOT_FOUND},
        {CF_GROUP_REPLY, place.thread, S("bob"), CF_E_NOT_FOUND},
        {CF_GROUP_REPLY, uuid_of(999), S("eve"), CF_E_NOT_FOUND},
        {CF_GROUP_REPLY, place.group, S("ann"), CF_E_NOT_FOUND},
        {CF_GROUP_REPLY, message, S("ann"), CF_E_NOT_FOUND},
        {CF_GROUP_REPLY, reply, S("ann"), CF_E_NOT_FOUND},
    };
    size_t before = read_all(f, S("ann"))->group_events_count;
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_nothing(
            try_post(f, rows[i].kind, rows[i].at, rows[i].actor, S("eA=="), NO_CLIENT_ID),
            rows[i].error);
    assert_int_equal(read_all(f, S("ann"))->group_events_count, before);
}

/* The retry of a post is as much as a post: it is refused to whom has left. */
static void post_again_after_leaving(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_store_request *first =
        try_post(f, CF_GROUP_MESSAGE, place.group, S("bob"), S("eA=="), S("c1"));
    assert_int_equal(leave_group(f, place.group, S("bob"), S("bob"))->error, CF_OK);
    assert_nothing(try_post(f, CF_GROUP_MESSAGE, place.group, S("bob"), S("eA=="), S("c1")),
                   CF_E_NOT_MEMBER);
    assert_int_equal(join_group(f, place.group, S("ann"), S("bob"))->error, CF_OK);
    assert_known(try_post(f, CF_GROUP_MESSAGE, place.group, S("bob"), S("eA=="), S("c1")),
                 &first->group_events[0]);
}

static void thread_get(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    struct cf_store_request *posted =
        try_post(f, CF_GROUP_THREAD, place.group, S("bob"), S("eA=="), NO_CLIENT_ID);
    assert_created(posted);
    reopen(f);
    const struct cf_slice users[] = {S("ann"), S("bob")};
    for (size_t i = 0; i < 2; i++) {
        struct cf_store_request *got = get_thread(f, posted->message, users[i]);
        assert_int_equal(got->error, CF_OK);
        assert_int_equal(got->group_events_count, 1);
        assert_event_eq(&got->group_events[0], &posted->group_events[0]);
    }
    struct cf_uuid message = post(f, CF_GROUP_MESSAGE, place.group, S("ann"))->id;
    struct cf_uuid reply = post(f, CF_GROUP_REPLY, place.thread, S("ann"))->id;
    assert_nothing(get_thread(f, posted->message, S("eve")), CF_E_NOT_FOUND);
    assert_nothing(get_thread(f, uuid_of(999), S("ann")), CF_E_NOT_FOUND);
    assert_nothing(get_thread(f, NO_UUID, S("ann")), CF_E_NOT_FOUND);
    assert_nothing(get_thread(f, message, S("ann")), CF_E_NOT_FOUND);
    assert_nothing(get_thread(f, reply, S("ann")), CF_E_NOT_FOUND);
    /* The thread stays when its author goes, who then does not see it. */
    assert_int_equal(leave_group(f, place.group, S("bob"), S("bob"))->error, CF_OK);
    assert_nothing(get_thread(f, posted->message, S("bob")), CF_E_NOT_FOUND);
    assert_event_eq(&get_thread(f, posted->message, S("ann"))->group_events[0],
                    &posted->group_events[0]);
}

/* Bytes come out as they went in, whatever they are. */
static void any_bytes(void **state)
{
    struct fixture *f = start_clock(state);
    struct place place = new_place(f);
    uint8_t bytes[512];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    struct cf_store_request *request =
        make_post(f, CF_GROUP_THREAD, place.group, S("ann"), cf_slice_of(bytes, sizeof(bytes)));
    request->name = cf_slice_of(bytes, 256);
    assert_int_equal(run(f, request), CF_OK);
    assert_created(request);
    reopen(f);
    struct cf_store_request *got = get_thread(f, request->message, S("bob"));
    assert_slice(got->group_events[0].title, request->name);
    assert_slice(got->group_events[0].text, request->text);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(post_answers_the_event),
    CONTRACT(name_is_that_of_its_time),
    CONTRACT(post_again),
    CONTRACT(post_again_within_a_batch),
    CONTRACT(post_conflicts),
    CONTRACT(id_is_taken),
    CONTRACT(client_id_without_a_clash),
    CONTRACT(strangers),
    CONTRACT(post_again_after_leaving),
    CONTRACT(thread_get),
    CONTRACT(any_bytes),
};

int main(void)
{
    return run_contract(tests);
}
