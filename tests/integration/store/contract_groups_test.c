/* What every store promises about encrypted groups and who is in them (port/store.h). */
#include "group_fixture.h"

static struct cf_store_request *members_of(struct fixture *f, struct cf_uuid group,
                                           struct cf_slice actor)
{
    struct cf_store_request *request = make(f, CF_STORE_GROUP_MEMBERS, actor);
    request->room = group;
    (void)run(f, request);
    return request;
}

static void assert_group(const struct cf_room_row *row, struct cf_uuid id, struct cf_slice name,
                         struct cf_slice created_by, cf_us created)
{
    assert_uuid(row->id, id);
    assert_slice(row->name, name);
    assert_slice(row->created_by, created_by);
    assert_int_equal(row->created, created);
}

static void assert_role(const struct cf_room_row *row, enum cf_role role, uint64_t members)
{
    assert_int_equal(row->role, role);
    assert_int_equal(row->members, members);
}

static void assert_member(const struct cf_store_request *request, size_t index,
                          struct cf_slice user, struct cf_slice name, cf_us joined)
{
    assert_int_equal(request->error, CF_OK);
    assert_true(index < request->members_count);
    const struct cf_member_row *row = &request->members[index];
    assert_slice(row->user, user);
    assert_slice(row->name, name);
    assert_int_equal(row->role, cf_slice_eq(user, S("ann")) ? CF_ROLE_ADMIN : CF_ROLE_MEMBER);
    assert_int_equal(row->joined, joined);
}

/* The one event of the answer. */
static const struct cf_group_event *only_event(const struct cf_store_request *request)
{
    assert_int_equal(request->error, CF_OK);
    assert_int_equal(request->group_events_count, 1);
    return &request->group_events[0];
}

static void assert_about(const struct cf_store_request *request, enum cf_group_event_kind kind,
                         struct cf_slice user, struct cf_slice name)
{
    const struct cf_group_event expected = {
        .kind = kind,
        .stamp = ms_of(request->now),
        .group = request->room,
        .user = user,
        .user_name = name,
    };
    assert_event_eq(only_event(request), &expected);
}

static void create_answers_the_group(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_store_request *request = make_group(f, S("ann"), S("Gardeners"), NO_CLIENT_ID);
    request->actor_name = S("Ann");
    request->now += 999; /* of a stamp there are only milliseconds */
    assert_int_equal(run(f, request), CF_OK);
    assert_true(request->created);
    reopen(f);
    struct cf_store_request *listed = groups_of(f, S("ann"));
    const struct cf_store_request *both[] = {request, listed};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(both[i]->rooms_count, 1);
        assert_group(&both[i]->rooms[0], request->room, S("Gardeners"), S("ann"),
                     request->now - 999);
        assert_role(&both[i]->rooms[0], CF_ROLE_ADMIN, 1);
    }
    struct cf_store_request *members = members_of(f, request->room, S("ann"));
    assert_int_equal(members->members_count, 1);
    assert_member(members, 0, S("ann"), S("Ann"), request->now - 999);
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 0); /* that is no event */
}

static void name_may_be_empty(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_store_request *request = make_group(f, S("ann"), S(""), S("c1"));
    assert_int_equal(run(f, request), CF_OK);
    assert_int_equal(request->rooms[0].name.len, 0);
    assert_int_equal(groups_of(f, S("ann"))->rooms[0].name.len, 0);
    struct cf_store_request *again = make_group(f, S("ann"), S(""), S("c1"));
    assert_int_equal(run(f, again), CF_OK);
    assert_false(again->created);
    assert_uuid(again->rooms[0].id, request->room);
}

static void create_again(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_store_request *first = make_group(f, S("ann"), S("one"), S("c1"));
    assert_int_equal(run(f, first), CF_OK);
    assert_int_equal(join_group(f, first->room, S("ann"), S("bob"))->error, CF_OK);
    reopen(f);
    struct cf_store_request *again = make_group(f, S("ann"), S("one"), S("c1"));
    assert_int_equal(run(f, again), CF_OK);
    assert_false(again->created);
    assert_int_equal(again->rooms_count, 1);
    assert_group(&again->rooms[0], first->room, S("one"), S("ann"), first->now);
    assert_role(&again->rooms[0], CF_ROLE_ADMIN, 2); /* as it is today */
    struct cf_store_request *verbatim = make_group(f, S("ann"), S("one"), S("c1"));
    verbatim->room = first->room;
    assert_int_equal(run(f, verbatim), CF_OK);
    assert_false(verbatim->created);
    assert_int_equal(groups_of(f, S("ann"))->rooms_count, 1);
}

static void create_conflicts(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_store_request *first = make_group(f, S("ann"), S("one"), S("c1"));
    assert_int_equal(run(f, first), CF_OK);
    int64_t stamp = stamp_of(f);
    struct cf_store_request *other_name = make_group(f, S("ann"), S("two"), S("c1"));
    assert_int_equal(run(f, other_name), CF_E_CONFLICT);
    assert_nothing(other_name, CF_E_CONFLICT);
    const struct cf_slice client_ids[] = {NO_CLIENT_ID, S("c2")};
    for (size_t i = 0; i < 2; i++) {
        struct cf_store_request *id_taken = make_group(f, S("ann"), S("one"), client_ids[i]);
        id_taken->room = first->room;
        assert_int_equal(run(f, id_taken), CF_E_CONFLICT);
        assert_nothing(id_taken, CF_E_CONFLICT);
    }
    assert_int_equal(stamp_of(f), stamp); /* what was refused has changed nothing */
    assert_int_equal(groups_of(f, S("ann"))->rooms_count, 1);
}

static void create_without_a_clash(void **state)
{
    struct fixture *f = start_clock(state);
    const struct {
        struct cf_slice actor, client_id;
    } rows[] = {{S("ann"), S("c1")}, {S("ann"), S("c2")},      {S("bob"), S("c1")},
                {S("an"), S("nc1")}, {S("ann"), NO_CLIENT_ID}, {S("ann"), NO_CLIENT_ID}};
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_store_request *request =
            make_group(f, rows[i].actor, S("one"), rows[i].client_id);
        assert_int_equal(run(f, request), CF_OK);
        assert_true(request->created);
    }
    assert_int_equal(groups_of(f, S("ann"))->rooms_count, 4);
}

/* Twice within a transaction: one group. */
static void create_within_a_batch(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_list list;
    cf_list_init(&list);
    struct cf_store_request *requests[2];
    for (size_t i = 0; i < 2; i++) {
        requests[i] = make_group(f, S("ann"), S("one"), S("c1"));
        cf_list_push_back(&list, &requests[i]->link);
    }
    run_list(f, &list);
    assert_true(requests[0]->created);
    assert_int_equal(requests[1]->error, CF_OK);
    assert_false(requests[1]->created);
    assert_uuid(requests[1]->rooms[0].id, requests[0]->room);
}

static void join_answers_the_event(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann"));
    struct cf_store_request *request = make_join(f, group, S("ann"), S("bob"));
    request->user_name = S("Bob");
    assert_int_equal(run(f, request), CF_OK);
    assert_true(request->created);
    assert_about(request, CF_GROUP_JOINED, S("bob"), S("Bob"));
    struct cf_store_request *log = read_all(f, S("bob"));
    assert_event_eq(only_event(log), only_event(request));
}

static void join_twice(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_store_request *made = make_group(f, S("ann"), S("one"), NO_CLIENT_ID);
    assert_int_equal(run(f, made), CF_OK);
    struct cf_store_request *first = join_group(f, made->room, S("ann"), S("bob"));
    reopen(f);
    int64_t stamp = stamp_of(f);
    const struct {
        struct cf_slice actor, user;
        cf_us joined;
    } rows[] = {{S("ann"), S("bob"), first->now},
                {S("bob"), S("bob"), first->now},
                {S("bob"), S("ann"), made->now}}; /* who made it was in from the start */
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_store_request *again = join_group(f, made->room, rows[i].actor, rows[i].user);
        assert_false(again->created);
        const struct cf_group_event *event = only_event(again);
        assert_int_equal(event->kind, CF_GROUP_JOINED);
        assert_int_equal(event->stamp, ms_of(rows[i].joined));
        assert_uuid(event->group, made->room);
        assert_slice(event->user, rows[i].user);
    }
    assert_int_equal(stamp_of(f), stamp);
    assert_int_equal(read_all(f, S("bob"))->group_events_count, 1);
    assert_int_equal(members_of(f, made->room, S("bob"))->members_count, 2);
}

static void join_errors(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann bob"));
    assert_nothing(join_group(f, group, S("eve"), S("eve")), CF_E_NOT_MEMBER);
    assert_nothing(join_group(f, group, S("eve"), S("bob")), CF_E_NOT_MEMBER);
    assert_nothing(join_group(f, uuid_of(999), S("ann"), S("cid")), CF_E_NOT_MEMBER);
    assert_nothing(join_group(f, new_room(f, S("ann")), S("ann"), S("cid")), CF_E_NOT_MEMBER);
    assert_int_equal(members_of(f, group, S("ann"))->members_count, 2);
    /* Any member may add. */
    assert_true(join_group(f, group, S("bob"), S("cid"))->created);
}

static void members_by_joined_time(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_store_request *made = make_group(f, S("ann"), S("one"), NO_CLIENT_ID);
    made->actor_name = S("Ann");
    assert_int_equal(run(f, made), CF_OK);
    struct cf_uuid group = made->room;
    cf_us joined[3];
    const struct cf_slice users[] = {S("dan"), S("cid"), S("bob")};
    for (size_t i = 0; i < 3; i++)
        joined[i] = join_group(f, group, S("ann"), users[i])->now;
    /* Who comes back is the last. */
    assert_int_equal(leave_group(f, group, S("dan"), S("dan"))->error, CF_OK);
    joined[0] = join_group(f, group, S("bob"), S("dan"))->now;
    reopen(f);
    struct cf_store_request *members = members_of(f, group, S("cid"));
    assert_int_equal(members->members_count, 4);
    assert_member(members, 0, S("ann"), S("Ann"), made->now);
    assert_member(members, 1, S("cid"), S("cid"), joined[1]);
    assert_member(members, 2, S("bob"), S("bob"), joined[2]);
    assert_member(members, 3, S("dan"), S("dan"), joined[0]);
    assert_nothing(members_of(f, group, S("eve")), CF_E_NOT_MEMBER);
    assert_nothing(members_of(f, uuid_of(999), S("ann")), CF_E_NOT_MEMBER);
    assert_nothing(members_of(f, new_room(f, S("ann")), S("ann")), CF_E_NOT_MEMBER);
}

static void leave_answers_the_event(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann bob cid"));
    struct cf_store_request *left = leave_group(f, group, S("ann"), S("bob"));
    assert_about(left, CF_GROUP_LEFT, S("bob"), S("bob"));
    struct cf_store_request *own = make(f, CF_STORE_GROUP_LEAVE, S("cid"));
    own->room = group;
    own->user = S("cid");
    own->actor_name = S("Cid");
    assert_int_equal(run(f, own), CF_OK);
    assert_about(own, CF_GROUP_LEFT, S("cid"), S("Cid"));
    reopen(f);
    struct cf_store_request *log = read_all(f, S("ann"));
    assert_int_equal(log->group_events_count, 4);
    assert_event_eq(&log->group_events[2], only_event(left));
    assert_event_eq(&log->group_events[3], only_event(own));
    assert_role(&groups_of(f, S("ann"))->rooms[0], CF_ROLE_ADMIN, 1);
}

static void leave_errors(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann bob cid"));
    const struct {
        struct cf_slice actor, user;
        enum cf_error error;
    } rows[] = {
        {S("bob"), S("cid"), CF_E_FORBIDDEN},  {S("bob"), S("ann"), CF_E_FORBIDDEN},
        {S("bob"), S("eve"), CF_E_FORBIDDEN},  {S("ann"), S("eve"), CF_E_NOT_FOUND},
        {S("eve"), S("eve"), CF_E_NOT_MEMBER}, {S("eve"), S("bob"), CF_E_NOT_MEMBER},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_nothing(leave_group(f, group, rows[i].actor, rows[i].user), rows[i].error);
    assert_nothing(leave_group(f, uuid_of(999), S("ann"), S("bob")), CF_E_NOT_MEMBER);
    assert_nothing(leave_group(f, new_room(f, S("ann")), S("ann"), S("ann")), CF_E_NOT_MEMBER);
    assert_int_equal(members_of(f, group, S("ann"))->members_count, 3);
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 2);
}

static void who_left_is_a_stranger(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann bob"));
    assert_int_equal(leave_group(f, group, S("bob"), S("bob"))->error, CF_OK);
    assert_nothing(leave_group(f, group, S("bob"), S("bob")), CF_E_NOT_MEMBER);
    assert_nothing(leave_group(f, group, S("ann"), S("bob")), CF_E_NOT_FOUND);
    assert_nothing(join_group(f, group, S("bob"), S("bob")), CF_E_NOT_MEMBER);
    assert_nothing(members_of(f, group, S("bob")), CF_E_NOT_MEMBER);
    struct cf_store_request *back = join_group(f, group, S("ann"), S("bob"));
    assert_true(back->created);
    assert_about(back, CF_GROUP_JOINED, S("bob"), S("bob"));
    assert_int_equal(read_all(f, S("bob"))->group_events_count, 3);
}

/* Who made the group may leave it, and is who made it again when taken back. */
static void maker_leaves(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann bob cid"));
    assert_int_equal(leave_group(f, group, S("ann"), S("ann"))->error, CF_OK);
    assert_nothing(leave_group(f, group, S("ann"), S("bob")), CF_E_NOT_MEMBER);
    assert_nothing(leave_group(f, group, S("bob"), S("cid")), CF_E_FORBIDDEN);
    assert_int_equal(groups_of(f, S("ann"))->rooms_count, 0);
    assert_true(join_group(f, group, S("bob"), S("ann"))->created);
    assert_role(&groups_of(f, S("ann"))->rooms[0], CF_ROLE_ADMIN, 3);
    assert_int_equal(leave_group(f, group, S("ann"), S("bob"))->error, CF_OK);
}

/* The retry of a creation is answered even to whom has left since. */
static void create_again_after_leaving(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_store_request *first = make_group(f, S("ann"), S("one"), S("c1"));
    assert_int_equal(run(f, first), CF_OK);
    assert_int_equal(leave_group(f, first->room, S("ann"), S("ann"))->error, CF_OK);
    struct cf_store_request *again = make_group(f, S("ann"), S("one"), S("c1"));
    assert_int_equal(run(f, again), CF_OK);
    assert_false(again->created);
    assert_group(&again->rooms[0], first->room, S("one"), S("ann"), first->now);
    assert_int_equal(again->rooms[0].members, 0);
    assert_int_equal(groups_of(f, S("ann"))->rooms_count, 0);
}

static void among_keeps_the_order(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid a = group_of(f, S("ann bob"));
    struct cf_uuid b = group_of(f, S("ann bob"));
    struct cf_uuid others = group_of(f, S("ann"));
    struct cf_uuid left = group_of(f, S("ann bob"));
    assert_int_equal(leave_group(f, left, S("bob"), S("bob"))->error, CF_OK);
    struct cf_uuid room = new_room(f, S("bob"));
    reopen(f);
    const struct cf_uuid asked[] = {b, uuid_of(999), a, others, left, NO_UUID, room, b};
    const struct cf_uuid granted[] = {b, a, b};
    struct cf_store_request *request = make(f, CF_STORE_GROUPS_AMONG, S("bob"));
    set_uuids(request, asked, CF_ARRAY_LEN(asked));
    assert_int_equal(run(f, request), CF_OK);
    assert_int_equal(request->uuids_count, CF_ARRAY_LEN(granted));
    for (size_t i = 0; i < CF_ARRAY_LEN(granted); i++)
        assert_uuid(request->uuids[i], granted[i]);
    struct cf_store_request *stranger = make(f, CF_STORE_GROUPS_AMONG, S("eve"));
    set_uuids(stranger, asked, CF_ARRAY_LEN(asked));
    assert_int_equal(run(f, stranger), CF_OK);
    assert_int_equal(stranger->uuids_count, 0);
    struct cf_store_request *none = make(f, CF_STORE_GROUPS_AMONG, S("bob"));
    assert_int_equal(run(f, none), CF_OK);
    assert_int_equal(none->uuids_count, 0);
}

static void among_a_thousand(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann"));
    struct cf_uuid asked[1000];
    for (size_t i = 0; i < CF_ARRAY_LEN(asked); i++)
        asked[i] = i % 2 == 0 ? uuid_of(5000 + i) : group;
    struct cf_store_request *request = make(f, CF_STORE_GROUPS_AMONG, S("ann"));
    set_uuids(request, asked, CF_ARRAY_LEN(asked));
    assert_int_equal(run(f, request), CF_OK);
    assert_int_equal(request->uuids_count, 500);
}

/* Every write that succeeds refreshes the actor's name, none that is refused does. */
static void names_follow_the_people(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann bob"));
    struct cf_uuid thread = new_thread(f, group, S("bob"));
    struct cf_uuid media = next_id(f);
    struct cf_slice name = S("ann");
    const struct {
        enum cf_store_op op;
        struct cf_slice name;
        struct cf_uuid room;
        enum cf_error error;
    } rows[] = {
        {CF_STORE_GROUP_CREATE, S("one"), next_id(f), CF_OK},
        {CF_STORE_GROUP_CREATE, S("two"), next_id(f), CF_OK}, /* a retry */
        {CF_STORE_GROUP_CREATE, S(""), next_id(f), CF_OK},    /* none given: it stays */
        {CF_STORE_GROUP_JOIN, S("three"), group, CF_OK},
        {CF_STORE_GROUP_JOIN, S("four"), group, CF_OK},
        {CF_STORE_GROUP_JOIN, S("not so"), uuid_of(999), CF_E_NOT_MEMBER},
        {CF_STORE_GROUP_POST, S("five"), group, CF_OK},
        {CF_STORE_GROUP_POST, S("six"), group, CF_OK},
        {CF_STORE_GROUP_POST, S("not so"), uuid_of(999), CF_E_NOT_MEMBER},
        {CF_STORE_GROUP_MEDIA_OPEN, S("seven"), group, CF_OK},
        {CF_STORE_GROUP_MEDIA_OPEN, S("eight"), group, CF_OK},
        {CF_STORE_GROUP_MEDIA_DONE, S("nine"), group, CF_OK},
        {CF_STORE_GROUP_MEDIA_DONE, S("ten"), group, CF_OK},
        {CF_STORE_GROUP_MEDIA_DELETE, S("eleven"), group, CF_OK},
        {CF_STORE_GROUP_MEDIA_DELETE, S("not so"), group, CF_E_NOT_FOUND},
        {CF_STORE_GROUP_MEDIA_DONE, S("not so"), group, CF_E_NOT_FOUND},
        {CF_STORE_GROUP_LEAVE, S("twelve"), group, CF_OK},
        {CF_STORE_GROUP_LEAVE, S("not so"), group, CF_E_NOT_FOUND},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_store_request *request = make(f, rows[i].op, S("ann"));
        request->actor_name = rows[i].name;
        request->room = rows[i].room;
        request->message = media;
        request->thread = thread;
        request->group_kind = CF_GROUP_MESSAGE;
        request->client_id = S("c1");
        request->size = 1;
        request->quota = 1;
        request->ttl = 1000000000;
        request->user = S("eve");
        request->user_name = S("Eve");
        assert_int_equal(run(f, request), rows[i].error);
        if (rows[i].error == CF_OK && rows[i].name.len > 0)
            name = rows[i].name;
        assert_slice(members_of(f, group, S("bob"))->members[0].name, name);
    }
}

/* A user_name is only for whom nobody knows; an event keeps the name of its time. */
static void names_of_those_who_are_added(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann"));
    struct cf_store_request *joined = make_join(f, group, S("ann"), S("bob"));
    joined->user_name = S("Bob");
    assert_int_equal(run(f, joined), CF_OK);
    struct cf_store_request *again = make_join(f, group, S("ann"), S("bob"));
    again->user_name = S("Robert");
    assert_int_equal(run(f, again), CF_OK);
    assert_slice(only_event(again)->user_name, S("Bob"));
    struct cf_store_request *renamed = make(f, CF_STORE_USER_PUT, S("bob"));
    renamed->actor_name = S("Bobby");
    assert_int_equal(run(f, renamed), CF_OK);
    struct cf_store_request *other = make_join(f, group_of(f, S("ann")), S("ann"), S("bob"));
    other->user_name = S("Robert");
    assert_int_equal(run(f, other), CF_OK);
    assert_slice(only_event(other)->user_name, S("Bobby"));
    reopen(f);
    assert_slice(members_of(f, group, S("ann"))->members[1].name, S("Bobby"));
    struct cf_store_request *log = read_all(f, S("bob"));
    assert_int_equal(log->group_events_count, 2);
    assert_slice(log->group_events[0].user_name, S("Bob"));
    assert_slice(log->group_events[1].user_name, S("Bobby"));
}

static const struct CMUnitTest tests[] = {
    CONTRACT(create_answers_the_group),
    CONTRACT(name_may_be_empty),
    CONTRACT(create_again),
    CONTRACT(create_conflicts),
    CONTRACT(create_without_a_clash),
    CONTRACT(create_within_a_batch),
    CONTRACT(join_answers_the_event),
    CONTRACT(join_twice),
    CONTRACT(join_errors),
    CONTRACT(members_by_joined_time),
    CONTRACT(leave_answers_the_event),
    CONTRACT(leave_errors),
    CONTRACT(who_left_is_a_stranger),
    CONTRACT(maker_leaves),
    CONTRACT(create_again_after_leaving),
    CONTRACT(among_keeps_the_order),
    CONTRACT(among_a_thousand),
    CONTRACT(names_follow_the_people),
    CONTRACT(names_of_those_who_are_added),
};

int main(void)
{
    return run_contract(tests);
}
