/* What every store promises about conversations and who takes part in them (port/store.h). */
#include "talk_fixture.h"

static void assert_person(const struct cf_talk_row *talk, size_t index, struct cf_slice user,
                          struct cf_slice name, cf_us joined)
{
    assert_true(index < talk->people_count);
    assert_slice(talk->people[index].user, user);
    assert_slice(talk->people[index].name, name);
    assert_int_equal(talk->people[index].joined, joined);
}

static void assert_fresh(const struct cf_talk_row *talk)
{
    assert_int_equal(talk->last_seq, 0);
    assert_int_equal(talk->unread, 0);
    assert_null(talk->last);
}

static void create_answers_the_group(void **state)
{
    struct fixture *f = *state;
    struct cf_store_request *request = make(f, CF_STORE_TALK_CREATE, S("bob"));
    request->actor_name = S("Bob");
    request->talk_kind = CF_TALK_GROUP;
    request->name = S("Gardeners");
    set_users(request, S("cid ann cid bob"));
    assert_int_equal(run(f, request), CF_OK);
    assert_true(request->created);
    assert_int_equal(request->talks_count, 1);
    struct cf_store_request *listed = talks_of(f, S("cid"), 10);
    assert_int_equal(listed->talks_count, 1);
    const struct cf_talk_row *rows[] = {&request->talks[0], &listed->talks[0]};
    for (size_t i = 0; i < 2; i++) {
        assert_true(rows[i]->id >= 1);
        assert_int_equal(rows[i]->id, rows[0]->id);
        assert_int_equal(rows[i]->kind, CF_TALK_GROUP);
        assert_slice(rows[i]->title, S("Gardeners"));
        assert_slice(rows[i]->created_by, S("bob"));
        assert_int_equal(rows[i]->created, request->now);
        assert_fresh(rows[i]);
        assert_int_equal(rows[i]->people_count, 3);
        assert_person(rows[i], 0, S("ann"), S("ann"), request->now);
        assert_person(rows[i], 1, S("bob"), S("Bob"), request->now);
        assert_person(rows[i], 2, S("cid"), S("cid"), request->now);
    }
}

static void group_of_one(void **state)
{
    struct fixture *f = *state;
    struct cf_store_request *request = make(f, CF_STORE_TALK_CREATE, S("ann"));
    request->talk_kind = CF_TALK_GROUP;
    assert_int_equal(run(f, request), CF_OK);
    assert_true(request->created);
    assert_int_equal(request->talks[0].title.len, 0);
    assert_int_equal(request->talks[0].people_count, 1);
    assert_person(&request->talks[0], 0, S("ann"), S("ann"), request->now);
    /* Groups are not unique in anything. */
    assert_int_not_equal(new_group(f, S("ann"), S("")), request->talks[0].id);
}

static void ids_grow_over_both_kinds(void **state)
{
    struct fixture *f = *state;
    int64_t ids[4] = {new_group(f, S("ann"), S("bob"))};
    ids[1] = new_direct(f, S("ann"), S("bob"));
    reopen(f);
    ids[2] = new_direct(f, S("ann"), S("cid"));
    ids[3] = new_group(f, S("ann"), S("bob"));
    for (size_t i = 1; i < 4; i++)
        assert_true(ids[i] > ids[i - 1]);
}

static void direct_is_one_of_a_pair(void **state)
{
    struct fixture *f = *state;
    struct cf_store_request *first = create_talk(f, CF_TALK_DIRECT, S("bob"), S("ann bob ann"));
    assert_int_equal(first->error, CF_OK);
    assert_true(first->created);
    assert_int_equal(first->talks[0].kind, CF_TALK_DIRECT);
    assert_int_equal(first->talks[0].people_count, 2);
    (void)new_group(f, S("ann"), S("bob")); /* is no direct one */
    int64_t message = say(f, first->talks[0].id, S("bob"));
    reopen(f);
    const struct cf_slice sides[] = {S("bob"), S("ann")};
    for (size_t i = 0; i < 2; i++) {
        struct cf_store_request *again = make(f, CF_STORE_TALK_CREATE, sides[i]);
        again->talk_kind = CF_TALK_DIRECT;
        again->name = S("another title");
        set_users(again, sides[1 - i]);
        assert_int_equal(run(f, again), CF_OK);
        assert_false(again->created);
        assert_int_equal(again->talks_count, 1);
        const struct cf_talk_row *row = &again->talks[0];
        assert_int_equal(row->id, first->talks[0].id);
        assert_slice(row->title, S("a title"));
        assert_slice(row->created_by, S("bob"));
        assert_int_equal(row->created, first->now);
        assert_int_equal(row->last_seq, 1);
        assert_int_equal(row->unread, i); /* the actor's own view */
        assert_non_null(row->last);
        assert_int_equal(row->last->id, message);
        assert_int_equal(row->people_count, 2);
        assert_person(row, 0, S("ann"), S("ann"), first->now);
        assert_person(row, 1, S("bob"), S("bob"), first->now);
    }
    assert_int_equal(talks_of(f, S("ann"), 10)->talks_count, 2);
    assert_int_not_equal(new_direct(f, S("ann"), S("cid")), first->talks[0].id);
}

static void direct_needs_one_other(void **state)
{
    struct fixture *f = *state;
    const struct cf_slice wrong[] = {S(""),        S("ann"),         S("ann ann"),
                                     S("bob cid"), S("bob ann cid"), S("ann bob bob cid")};
    for (size_t i = 0; i < CF_ARRAY_LEN(wrong); i++)
        assert_refused(create_talk(f, CF_TALK_DIRECT, S("ann"), wrong[i]), CF_E_INVALID);
    assert_int_equal(talks_of(f, S("ann"), 10)->talks_count, 0);
}

/* Both sides ask in one batch: one talk. */
static void direct_within_a_batch(void **state)
{
    struct fixture *f = *state;
    struct cf_store_request *requests[2];
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < 2; i++) {
        requests[i] = make(f, CF_STORE_TALK_CREATE, i == 0 ? S("ann") : S("bob"));
        requests[i]->talk_kind = CF_TALK_DIRECT;
        set_users(requests[i], i == 0 ? S("bob") : S("ann"));
        cf_list_push_back(&list, &requests[i]->link);
    }
    run_list(f, &list);
    assert_true(requests[0]->created);
    assert_int_equal(requests[1]->error, CF_OK);
    assert_false(requests[1]->created);
    assert_int_equal(requests[1]->talks[0].id, requests[0]->talks[0].id);
}

static void add_answers_the_talk(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("cid"));
    cf_us created = f->clock;
    (void)say(f, talk, S("ann"));
    struct cf_store_request *put = make(f, CF_STORE_USER_PUT, S("bob"));
    put->actor_name = S("Bob");
    assert_int_equal(run(f, put), CF_OK);

    /* Anybody who takes part may. */
    struct cf_store_request *added = add_people(f, talk, S("cid"), S("dan bob ann dan"));
    assert_int_equal(added->error, CF_OK);
    assert_true(added->created);
    assert_int_equal(added->talks_count, 1);
    const struct cf_talk_row *row = &added->talks[0];
    assert_int_equal(row->id, talk);
    assert_int_equal(row->unread, 1);
    assert_non_null(row->last);
    assert_int_equal(row->people_count, 4);
    assert_person(row, 0, S("ann"), S("ann"), created);
    assert_person(row, 1, S("cid"), S("cid"), created);
    assert_person(row, 2, S("bob"), S("Bob"), added->now);
    assert_person(row, 3, S("dan"), S("dan"), added->now);

    const struct cf_slice known[] = {S("bob ann"), S("")};
    for (size_t i = 0; i < 2; i++) {
        struct cf_store_request *again = add_people(f, talk, S("dan"), known[i]);
        assert_int_equal(again->error, CF_OK);
        assert_false(again->created);
        assert_int_equal(again->talks[0].people_count, 4);
        assert_person(&again->talks[0], 2, S("bob"), S("Bob"), added->now);
    }
    assert_int_equal(unread_by(f, talk, S("bob")), 1); /* the past is a newcomer's, too */
}

static void people_by_joined_time(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("cid"), S("eve"));
    cf_us created = f->clock;
    assert_true(add_people(f, talk, S("cid"), S("ann"))->created);
    struct cf_store_request *early = make(f, CF_STORE_TALK_ADD, S("ann"));
    early->talk = talk;
    early->now = created - 1; /* the clock has gone back */
    set_users(early, S("dan bob"));
    assert_int_equal(run(f, early), CF_OK);
    struct cf_store_request *listed = talks_of(f, S("bob"), 1);
    const struct cf_talk_row *rows[] = {&early->talks[0], &listed->talks[0]};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rows[i]->people_count, 5);
        assert_person(rows[i], 0, S("bob"), S("bob"), created - 1);
        assert_person(rows[i], 1, S("dan"), S("dan"), created - 1);
        assert_person(rows[i], 2, S("cid"), S("cid"), created);
        assert_person(rows[i], 3, S("eve"), S("eve"), created);
        assert_person(rows[i], 4, S("ann"), S("ann"), created + 1000000);
    }
}

static void add_errors(void **state)
{
    struct fixture *f = *state;
    int64_t group = new_group(f, S("ann"), S("bob"));
    int64_t direct = new_direct(f, S("ann"), S("bob"));
    const int64_t unknown[] = {0, -1, direct + 1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < CF_ARRAY_LEN(unknown); i++)
        assert_refused(add_people(f, unknown[i], S("ann"), S("eve")), CF_E_NOT_MEMBER);
    assert_refused(add_people(f, group, S("eve"), S("eve")), CF_E_NOT_MEMBER);
    assert_refused(add_people(f, direct, S("eve"), S("eve")), CF_E_NOT_MEMBER);
    assert_refused(add_people(f, direct, S("ann"), S("eve")), CF_E_CONFLICT);
    assert_refused(add_people(f, direct, S("ann"), S("bob")), CF_E_CONFLICT);
    assert_int_equal(talks_of(f, S("eve"), 10)->talks_count, 0);
}

static void remove_errors(void **state)
{
    struct fixture *f = *state;
    int64_t group = new_group(f, S("ann"), S("bob cid"));
    int64_t direct = new_direct(f, S("ann"), S("bob"));
    const struct {
        int64_t talk;
        struct cf_slice actor, user;
        enum cf_error error;
    } rows[] = {
        {direct + 1, S("ann"), S("ann"), CF_E_NOT_MEMBER},
        {group, S("eve"), S("eve"), CF_E_NOT_MEMBER},
        {group, S("eve"), S("bob"), CF_E_NOT_MEMBER},
        {group, S("bob"), S("cid"), CF_E_FORBIDDEN},
        {group, S("bob"), S("eve"), CF_E_FORBIDDEN},
        {group, S("ann"), S("eve"), CF_E_NOT_FOUND},
        {direct, S("eve"), S("ann"), CF_E_NOT_MEMBER},
        {direct, S("bob"), S("ann"), CF_E_FORBIDDEN},
        {direct, S("ann"), S("eve"), CF_E_NOT_FOUND},
        {direct, S("ann"), S("bob"), CF_E_CONFLICT},
        {direct, S("ann"), S("ann"), CF_E_CONFLICT},
        {direct, S("bob"), S("bob"), CF_E_CONFLICT},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_int_equal(remove_person(f, rows[i].talk, rows[i].actor, rows[i].user),
                         rows[i].error);
    struct cf_store_request *listed = talks_of(f, S("bob"), 10);
    assert_int_equal(listed->talks_count, 2);
    assert_int_equal(listed->talks[0].people_count, 2);
    assert_int_equal(listed->talks[1].people_count, 3);
}

static void removed_person_is_a_stranger(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob cid"));
    int64_t message = say(f, talk, S("bob"));
    assert_int_equal(send_with(f, talk, S("bob"), S("hi"), S("c1"))->error, CF_OK);
    assert_int_equal(remove_person(f, talk, S("ann"), S("bob")), CF_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(talks_of(f, S("bob"), 10)->talks_count, 0);
        assert_refused(read_talk(f, talk, S("bob"), CF_TALK_NEWEST, 0, 10), CF_E_NOT_MEMBER);
        assert_refused(send_with(f, talk, S("bob"), S("hi"), S("c1")), CF_E_NOT_MEMBER);
        assert_refused(mark(f, S("bob"), message, CF_MARK_READ), CF_E_NOT_MEMBER);
        assert_refused(add_people(f, talk, S("bob"), S("bob")), CF_E_NOT_MEMBER);
        assert_refused(socket_in(f, CF_STORE_SOCKET_JOIN, S("p"), S("bob"), talk), CF_E_NOT_MEMBER);
        reopen(f);
    }
    assert_int_equal(remove_person(f, talk, S("ann"), S("bob")), CF_E_NOT_FOUND);
    assert_int_equal(remove_person(f, talk, S("bob"), S("bob")), CF_E_NOT_MEMBER);

    /* What was said stays; and so does what was sent, should the sender be back. */
    struct cf_store_request *left = read_talk(f, talk, S("cid"), CF_TALK_NEWEST, 0, 10);
    assert_int_equal(left->talk_messages_count, 2);
    assert_slice(left->talk_messages[0].author, S("bob"));
    assert_int_equal(talks_of(f, S("cid"), 1)->talks[0].people_count, 2);
    assert_true(add_people(f, talk, S("ann"), S("bob"))->created);
    assert_false(send_with(f, talk, S("bob"), S("hi"), S("c1"))->created);
}

/* Who made a group may leave it, and has no say in it from the outside. */
static void maker_leaves(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob cid"));
    assert_int_equal(remove_person(f, talk, S("ann"), S("ann")), CF_OK);
    assert_int_equal(remove_person(f, talk, S("ann"), S("bob")), CF_E_NOT_MEMBER);
    assert_int_equal(remove_person(f, talk, S("bob"), S("cid")), CF_E_FORBIDDEN);
    struct cf_store_request *back = add_people(f, talk, S("bob"), S("ann"));
    assert_true(back->created);
    assert_slice(back->talks[0].created_by, S("ann"));
    assert_person(&back->talks[0], 2, S("ann"), S("ann"), back->now); /* joined anew */
    assert_int_equal(remove_person(f, talk, S("ann"), S("bob")), CF_OK);
    assert_int_equal(remove_person(f, talk, S("cid"), S("cid")), CF_OK);
    assert_int_equal(remove_person(f, talk, S("ann"), S("ann")), CF_OK); /* nobody is left */
    assert_int_equal(talks_of(f, S("ann"), 10)->talks_count, 0);
}

static void assert_listed(struct fixture *f, struct cf_slice actor, uint32_t limit,
                          const int64_t *talks, size_t count)
{
    struct cf_store_request *request = talks_of(f, actor, limit);
    assert_int_equal(request->talks_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(request->talks[i].id, talks[i]);
}

static void talks_of_newest_event_first(void **state)
{
    struct fixture *f = *state;
    assert_listed(f, S("ann"), 10, NONE);
    int64_t a = new_group(f, S("ann"), S("bob"));
    int64_t b = new_direct(f, S("ann"), S("bob"));
    int64_t c = new_group(f, S("ann"), S(""));
    assert_listed(f, S("ann"), 10, NUMBERS(c, b, a));
    assert_listed(f, S("bob"), 10, NUMBERS(b, a));
    (void)say(f, a, S("ann"));
    assert_listed(f, S("ann"), 10, NUMBERS(a, c, b));
    (void)say(f, b, S("bob"));
    assert_listed(f, S("ann"), 10, NUMBERS(b, a, c));
    int64_t d = new_group(f, S("ann"), S("")); /* a talk is an event itself */
    assert_listed(f, S("ann"), 10, NUMBERS(d, b, a, c));
    (void)say(f, a, S("bob"));
    reopen(f);
    assert_listed(f, S("ann"), 10, NUMBERS(a, d, b, c));
    assert_listed(f, S("ann"), 4, NUMBERS(a, d, b, c));
    assert_listed(f, S("ann"), 3, NUMBERS(a, d, b));
    assert_listed(f, S("ann"), 1, NUMBERS(a));
    assert_listed(f, S("ann"), 0, NONE);
    assert_listed(f, S("bob"), 1, NUMBERS(a));
}

/* Two talks of one microsecond: the later one first. */
static void talks_of_equal_times(void **state)
{
    struct fixture *f = *state;
    int64_t first = new_group(f, S("ann"), S(""));
    f->clock -= 1000000;
    int64_t second = new_group(f, S("ann"), S(""));
    assert_listed(f, S("ann"), 1, NUMBERS(second));
    struct cf_store_request *late = make_send(f, second, S("ann"), S("hi"), NO_CLIENT_ID);
    late->now = 5; /* behind the time of its talk, which counts then */
    assert_int_equal(run(f, late), CF_OK);
    assert_listed(f, S("ann"), 10, NUMBERS(second, first));
}

static void talks_of_with_last_message(void **state)
{
    struct fixture *f = *state;
    int64_t group = new_group(f, S("ann"), S("bob"));
    int64_t direct = new_direct(f, S("ann"), S("bob"));
    const int64_t talks[] = {group, direct};
    for (size_t i = 0; i < 2; i++) {
        (void)say(f, talks[i], S("ann"));
        struct cf_store_request *sent =
            send_with(f, talks[i], S("bob"), S("the last"), i == 0 ? S("c1") : S("c2"));
        assert_int_equal(sent->error, CF_OK);
        (void)new_mark(f, S("ann"), sent->talk_messages[0].id, CF_MARK_DELIVERED);
        const struct cf_talk_row *row = &talks_of(f, S("ann"), 1)->talks[0];
        assert_int_equal(row->id, talks[i]);
        assert_int_equal(row->last_seq, 2);
        assert_int_equal(row->unread, 1);
        assert_non_null(row->last);
        assert_int_equal(row->last->id, sent->talk_messages[0].id);
        assert_int_equal(row->last->talk, talks[i]);
        assert_int_equal(row->last->seq, 2);
        assert_slice(row->last->author, S("bob"));
        assert_slice(row->last->author_name, S("bob"));
        assert_slice(row->last->text, S("the last"));
        assert_slice(row->last->client_id, sent->client_id);
        assert_int_equal(row->last->created, sent->now);
        assert_int_equal(row->last->receipts_count, 0);
    }
}

/* Every write that succeeds refreshes the actor's name, none that is refused does. */
static void names_follow_the_people(void **state)
{
    struct fixture *f = *state;
    int64_t group = new_group(f, S("ann"), S("bob"));
    int64_t message = say(f, group, S("bob"));
    const struct {
        enum cf_store_op op;
        struct cf_slice name;
        int64_t talk;
        enum cf_error error;
    } rows[] = {
        {CF_STORE_TALK_CREATE, S("one"), group, CF_OK},
        {CF_STORE_TALK_ADD, S("two"), group, CF_OK},
        {CF_STORE_TALK_ADD, S("not so"), group + 9, CF_E_NOT_MEMBER},
        {CF_STORE_TALK_SEND, S("three"), group, CF_OK},
        {CF_STORE_TALK_SEND, S("four"), group, CF_OK}, /* a retry */
        {CF_STORE_TALK_SEND, S("not so"), group + 9, CF_E_NOT_MEMBER},
        {CF_STORE_TALK_MARK, S("five"), group, CF_OK},
        {CF_STORE_SOCKET_OPEN, S("six"), group, CF_OK},
        {CF_STORE_SOCKET_OPEN, S("not so"), group, CF_E_CONFLICT},
        {CF_STORE_SOCKET_JOIN, S("seven"), group, CF_OK},
        {CF_STORE_SOCKET_JOIN, S("not so"), group + 9, CF_E_NOT_MEMBER},
        {CF_STORE_SOCKET_LEAVE, S("eight"), group, CF_OK},
        {CF_STORE_SOCKET_RECOVER, S("nine"), group, CF_OK},
        {CF_STORE_SOCKET_RECOVER, S(""), group, CF_OK}, /* none given: it stays */
        {CF_STORE_TALK_REMOVE, S("not so"), group, CF_E_NOT_FOUND},
    };
    struct cf_slice name = S("ann");
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_store_request *request = make(f, rows[i].op, S("ann"));
        request->actor_name = rows[i].name;
        request->talk_kind = CF_TALK_GROUP;
        request->talk = rows[i].talk;
        request->text = S("hi");
        request->client_id = S("c1");
        request->number = message;
        request->pid = S("p");
        request->sid = S("s");
        request->from = message;
        request->limit = 10;
        request->user = S("eve");
        assert_int_equal(run(f, request), rows[i].error);
        if (rows[i].error == CF_OK && rows[i].name.len > 0)
            name = rows[i].name;
        struct cf_store_request *listed = talks_of(f, S("bob"), 1);
        assert_slice(listed->talks[0].people[0].name, name);
    }
    struct cf_store_request *history = read_talk(f, group, S("bob"), CF_TALK_NEWEST, 0, 1);
    assert_slice(history->talk_messages[0].author, S("ann"));
    assert_slice(history->talk_messages[0].author_name, S("nine"));
    assert_slice(talks_of(f, S("bob"), 1)->talks[0].last->author_name, S("nine"));
}

static const struct CMUnitTest tests[] = {
    CONTRACT(create_answers_the_group),
    CONTRACT(group_of_one),
    CONTRACT(ids_grow_over_both_kinds),
    CONTRACT(direct_is_one_of_a_pair),
    CONTRACT(direct_needs_one_other),
    CONTRACT(direct_within_a_batch),
    CONTRACT(add_answers_the_talk),
    CONTRACT(people_by_joined_time),
    CONTRACT(add_errors),
    CONTRACT(remove_errors),
    CONTRACT(removed_person_is_a_stranger),
    CONTRACT(maker_leaves),
    CONTRACT(talks_of_newest_event_first),
    CONTRACT(talks_of_equal_times),
    CONTRACT(talks_of_with_last_message),
    CONTRACT(names_follow_the_people),
};

int main(void)
{
    return run_contract(tests);
}
